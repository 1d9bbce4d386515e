// Shows what the filters of one Envoy write into its log, and by which line of source they trap. A
// filter that writes for every request must not hide everything else, so the lines are limited.

import { type FilterLogEntry, FilterLogReader, type LoggedFrame } from "../envoy/runtime/filter-log.js";
import { Trap } from "../kit/host/trap.js";
import { type ModuleSource, releaseModule, sourcesOf } from "../toolchain/compile/module-source.js";

/** Most lines in a period. */
const MAX_LINES = 20;
const PERIOD_MS = 1_000;
/** Of a longer line the rest is only in the file. */
const MAX_LENGTH = 1_000;

/** A filter of the Envoy. */
interface LoggedFilter {
  /** Its name in this Envoy. */
  readonly name: string;
  readonly filter: string;
  /** The module's file; absent where Envoy itself has the filter. */
  readonly module?: string;
}

export interface FilterLogOptions {
  /** The Envoy's name. */
  readonly envoy: string;
  /** The file that has all lines. */
  readonly file: string;
  /** The filters; of one with several modules the newest first. */
  readonly filters: () => readonly LoggedFilter[];
  /** Must not throw. */
  readonly onLines: (lines: readonly string[]) => void;
}

export class FilterLog {
  readonly #options: FilterLogOptions;
  readonly #reader: FilterLogReader;
  #shown = 0;
  #left = 0;
  #period: NodeJS.Timeout | undefined;

  constructor(options: FilterLogOptions) {
    this.#options = options;
    this.#reader = new FilterLogReader((entry) => this.#show(this.#describe(entry)));
  }

  /** @param line of Envoy's output */
  write(line: string): void {
    this.#reader.write(line);
  }

  #show(lines: readonly string[]): void {
    this.#period ??= setTimeout(() => this.#endPeriod(), PERIOD_MS).unref();
    if (this.#shown + lines.length > MAX_LINES) {
      this.#left += lines.length;
      return;
    }
    this.#shown += lines.length;
    this.#options.onLines(lines.map(printable));
  }

  #endPeriod(): void {
    const [left, { envoy, file, onLines }] = [this.#left, this.#options];
    this.#period = undefined;
    this.#shown = 0;
    this.#left = 0;
    if (left === 0) return;
    const what = left === 1 ? "1 more line was" : `${left} more lines were`;
    onLines([`${envoy}: ${what} left out; all are in ${file}`]);
  }

  #describe(entry: FilterLogEntry): readonly string[] {
    if (entry.kind === "line") {
      return [`${entry.level}: ${this.#place(entry.filter)}: ${entry.text.replaceAll("\n", "\\n")}`];
    }
    const filter = this.#trapped(entry.frames, entry.last?.filter);
    const place = filter === undefined ? `a filter at ${this.#options.envoy}` : this.#place(filter.name);
    const [headline = "", ...frames] = describeTrap(entry, filter?.module).split("\n");
    return [`trap: ${place}: ${entry.callback}: ${headline}`, ...frames];
  }

  /** @param name the filter's name in this Envoy */
  #place(name: string): string {
    const { envoy, filters } = this.#options;
    const filter = filters().find((each) => each.name === name);
    return filter === undefined ? `${name} at ${envoy}` : `${filter.filter} at ${envoy}/${name}`;
  }

  /** The filter that named itself, or whose module has these functions at these bytes. */
  #trapped(frames: readonly LoggedFrame[], name: string | undefined) {
    const filters = this.#options.filters();
    const named = filters.filter((each) => each.name === name);
    const candidates = (named.length > 0 ? named : filters).filter(({ module }) => module !== undefined);
    const found = candidates.find(
      ({ module }) => module !== undefined && frames.length > 0 && hasFrames(sourcesOf(module), frames),
    );
    const isAlone = new Set(candidates.map((each) => each.name)).size === 1;
    return found ?? (isAlone ? candidates[0] : undefined);
  }
}

function hasFrames(source: ModuleSource, frames: readonly LoggedFrame[]): boolean {
  return frames.every(({ offset, function: name }) => {
    const fn = source.functionAt(offset);
    return fn !== undefined && source.hasName(fn, name);
  });
}

type LoggedTrap = Extract<FilterLogEntry, { readonly kind: "trap" }>;

/** The trap in the words of the test kit, which reads the frames from the engine's stack. */
function describeTrap({ reason, frames, last }: LoggedTrap, module: string | undefined): string {
  if (module === undefined || frames.length === 0) return last?.text ?? reason;
  const source = sourcesOf(module);
  const error = new Error(reason);
  error.stack = frames
    .map(({ offset, function: name }) => {
      const number = source.functionAt(offset) ?? 0;
      return `    at ${name} (wasm://wasm/module:wasm-function[${number}]:0x${offset.toString(16)})`;
    })
    .join("\n");
  const trap = new Trap(error, releaseModule(module), last?.text);
  const [, file, line] = /at (\S+):(\d+):\d+$/m.exec(trap.message) ?? [];
  const text = file === undefined ? "" : source.textAt({ source: file, line: Number(line), column: 0 });
  const [headline = "", ...below] = trap.message.split("\n");
  return [headline, ...(text === "" ? [] : [`    > ${text}`]), ...below].join("\n");
}

/** A request's bytes must not reach the terminal as commands. */
function printable(line: string): string {
  const cut = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  return cut.replaceAll(/\p{Cc}|\p{Cf}/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}
