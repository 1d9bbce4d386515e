// A trap as its reader wants it: what was broken, and the source lines that led there instead of
// the engine's byte offsets.

import { isOwn, ModuleSource, type Origin } from "../../toolchain/compile/module-source.js";
import { isLibrary, type SourcePlace } from "../../toolchain/compile/source-map.js";

/** A function of the module that was running when it trapped. */
export interface TrapFrame {
  /** Its name, or `function NUMBER` when the module has no names. */
  readonly function: string;
  /** The position in the function, as a byte of the module. */
  readonly offset: number;
  /** The place in the source, from the module's source map. */
  readonly origin?: Origin;
}

/** The error that ended a VM. */
export class Trap extends Error {
  override readonly name = "Trap";
  /** What was broken, such as `Index out of range`, in the filter's own words if it gave any. */
  readonly reason: string;
  /**
   * The functions that were running, the innermost first. V8 keeps ten unless
   * `Error.stackTraceLimit` says otherwise.
   */
  readonly frames: readonly TrapFrame[];

  /**
   * @param error what the engine threw
   * @param module the path of the module's file, beside which its source map is looked for
   * @param lastWords the last critical line that the module logged, in which an abort says why
   * @param logs the lines that it logged before
   */
  constructor(error: unknown, module?: string, lastWords?: string, logs: readonly string[] = []) {
    const source = module === undefined ? undefined : ModuleSource.of(module);
    const all = framesOf(error, source);
    const own = all.filter((frame) => !isAbort(frame));
    const said = own.length < all.length ? abortOf(lastWords) : panicOf(own, lastWords);
    const reason = said?.why ?? (error instanceof Error ? error.message : String(error));
    const where = placeOf(said?.place, own);
    super(
      [
        headline(reason, where, own),
        ...lines(own),
        ...(where === undefined ? advice(own) : []),
        ...logged(said === undefined ? logs : logs.filter((text) => text !== lastWords)),
      ].join("\n"),
      { cause: error },
    );
    this.reason = reason;
    this.frames = own;
  }
}

const SHOWN_LOGS = 10;
const SHOWN_CHARACTERS = 200;

/** The last lines of the log, which mostly say what the module was about to do. */
function logged(logs: readonly string[]): string[] {
  if (logs.length === 0) return [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal must not obey them
  const plain = (text: string) => text.replace(/[\x00-\x1f\x7f]+/g, " ").slice(0, SHOWN_CHARACTERS);
  return ["it had logged:", ...logs.slice(-SHOWN_LOGS).map((text) => `    ${plain(text)}`)];
}

/**
 * Describes what ended a VM: a line that says what and where, then a line for each function that
 * was running, the innermost first.
 */
export function describeTrap(error: unknown, module?: string, lastWords?: string): string {
  return error instanceof Trap ? error.message : new Trap(error, module, lastWords).message;
}

const FRAME = /^\s*at (?:(.+) \()?wasm:\/\/.*:wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;

/**
 * The engine's own text has a line for each function: `at NAME
 * (wasm://…:wasm-function[NUMBER]:0xOFFSET)`.
 */
function framesOf(error: unknown, source: ModuleSource | undefined): TrapFrame[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return stack.split("\n").flatMap((text) => {
    const [, given, number, hex] = FRAME.exec(text) ?? [];
    if (number === undefined || hex === undefined) return [];
    const offset = Number.parseInt(hex, 16);
    const name = source?.nameOf(Number(number)) ?? given?.split("/wasm-function").at(0);
    const origin = source?.originOf(Number(number), offset);
    return [
      {
        function: name ?? `function ${number}`,
        offset,
        ...(origin === undefined ? {} : { origin }),
      },
    ];
  });
}

const ABORT_SOURCE = /(^|\/)assembly\/abi\/abort\.ts$/;
const ABORT_NAME = /(^|\/)assembly\/abi\/abort\/abort$/;

function isAbort({ function: name, origin }: TrapFrame): boolean {
  return ABORT_NAME.test(name) || (origin !== undefined && ABORT_SOURCE.test(origin.source));
}

interface Abort {
  readonly why: string;
  /** Absent for a line of the compiler's library, which an author does not know. */
  readonly place?: SourcePlace;
}

/** Reads what the SDK's abort logs: `WHY at SOURCE:LINE:COLUMN`. */
function abortOf(lastWords: string | undefined): Abort | undefined {
  const [, why, source, line, column] = /^(.*) at (\S+):(\d+):(\d+)$/s.exec(lastWords ?? "") ?? [];
  if (why === undefined || source === undefined) return undefined;
  if (isLibrary(source)) return { why };
  return { why, place: { source, line: Number(line), column: Number(column) - 1 } };
}

/**
 * The lines that the Rust SDK logs for a panic, as Rust 1.73 and later write them, and as earlier
 * releases do.
 */
const PANICS = [
  /^panicked at (?<source>\S+):(?<line>\d+):(?<column>\d+):\n(?<why>.*)$/s,
  /^panicked at '(?<why>.*)', (?<source>\S+):(?<line>\d+):(?<column>\d+)$/s,
];

function panicOf(frames: readonly TrapFrame[], lastWords = ""): Abort | undefined {
  const said = PANICS.map((form) => form.exec(lastWords)?.groups).find((groups) => groups !== undefined);
  const { source, line, column, why } = said ?? {};
  if (source === undefined || why === undefined || !frames[0]?.function.endsWith("rust_panic"))
    return undefined;
  return { why, place: { source, line: Number(line), column: Number(column) - 1 } };
}

/**
 * The line to look at first: the innermost one of the filter itself, else of the SDK, else of the
 * compiler's library.
 */
function placeOf(said: SourcePlace | undefined, frames: readonly TrapFrame[]): SourcePlace | undefined {
  const places = [said, ...frames.map(({ origin }) => origin?.inlinedInto ?? origin)].filter(
    (place) => place !== undefined,
  );
  const own = places.find(({ source }) => isOwn(source));
  return own ?? places.find(({ source }) => !isLibrary(source)) ?? places[0];
}

function headline(reason: string, where: SourcePlace | undefined, frames: readonly TrapFrame[]): string {
  if (where !== undefined) return `${reason} at ${at(where)}`;
  const [first] = frames;
  return first === undefined ? reason : `${reason} in ${first.function}, byte 0x${first.offset.toString(16)}`;
}

/** Functions that call themselves share one line. */
function lines(frames: readonly TrapFrame[]): string[] {
  const all = frames.map(line);
  return all.filter((text, i) => text !== all[i - 1]);
}

function line({ function: name, offset, origin }: TrapFrame): string {
  if (origin === undefined) return `    in ${name} (byte 0x${offset.toString(16)})`;
  const { inlinedInto } = origin;
  const inlined = inlinedInto === undefined ? "" : `, inlined into ${inlinedInto.source}:${inlinedInto.line}`;
  return `    in ${name} (${at(origin)}${inlined})`;
}

function advice(frames: readonly TrapFrame[]): string[] {
  if (frames.length === 0) return [];
  return ["    for lines of source, build the module with its source map beside it, as NAME.wasm.map"];
}

/** As editors count, with columns from 1. */
function at({ source, line, column }: SourcePlace): string {
  return `${source}:${line}:${column + 1}`;
}
