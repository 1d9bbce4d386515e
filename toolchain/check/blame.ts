// Finds the line of source that makes a host call that it must not make. This runs only when a
// build fails, so it may compile once more. Without optimizing, every call is in the same function
// as in the source.

import { linkedImports } from "../../envoy/module/abi.js";
import { callsOf, importedFunctions, reachable } from "../../envoy/module/call-graph.js";
import type { WasmImport, WasmModule } from "../../envoy/module/parts.js";
import { readModule } from "../../envoy/module/read.js";
import { importRefusal } from "../../envoy/module/refusals.js";
import { importNames, startFunctions } from "../../envoy/module/start.js";
import { describeSignature } from "../../envoy/module/types.js";
import { nearest } from "../../envoy/problems.js";
import { compileEntry } from "../compile/compile.js";
import type { Source } from "../compile/source.js";
import { isLibrary, SourceMap, type SourcePlace } from "../compile/source-map.js";

/**
 * The SDK's function that ends the VM on a broken invariant. Its calls are not calls of the source.
 */
const ABORT = /^(~lib\/meshwright\/)?assembly\/abi\/abort\/abort$/;

/** A host call of the language's own library, and its replacement. */
interface LibraryCall {
  /** The import, as `module.name`. */
  readonly imports: RegExp;
  /** The expression in a source. */
  readonly expression: RegExp;
  readonly instead: string;
}

const LIBRARY_CALLS: readonly LibraryCall[] = [
  {
    imports: /^env\.seed$/,
    expression: /\b(Math|Mathf|NativeMath|NativeMathf)\.random\([^)]*\)/,
    instead: "randomBelow or randomBytes of the SDK",
  },
  {
    imports: /^env\.Date\./,
    expression: /\bDate\.now\(\)/,
    instead: "nowMilliseconds or nowNanoseconds of the SDK",
  },
  {
    imports: /^env\.performance\./,
    expression: /\bperformance\.\w+\([^)]*\)/,
    instead: "nowNanoseconds of the SDK",
  },
  { imports: /^env\.console\./, expression: /\bconsole\.\w+\(/, instead: "log of the SDK" },
  { imports: /^env\.trace$/, expression: /\btrace\(/, instead: "log of the SDK" },
  { imports: /^env\.crypto\./, expression: /\bcrypto\.\w+\(/, instead: "randomBytes of the SDK" },
  {
    imports: /^env\.process\.exit$/,
    expression: /\bprocess\.exit\([^)]*\)/,
    instead: "sendLocalReply of the SDK",
  },
  { imports: /^env\.process\./, expression: /\bprocess\.\w+/, instead: "the SDK" },
  {
    imports: /^env\.abort$/,
    expression: /\babort\(/,
    instead: "the compiler's option --use abort=assembly/abi/abort/abort",
  },
];

/** A compiled entry file in which calls can be found. */
export class CallSites {
  private constructor(
    private readonly module: WasmModule,
    private readonly map: SourceMap,
  ) {}

  /**
   * Compiles the source. Throws what `compileEntry` throws.
   */
  static async of(source: Source): Promise<CallSites> {
    const { debug, map } = await compileEntry(source, { optimization: "none" });
    return new CallSites(readModule(debug), new SourceMap(map));
  }

  /**
   * A line for each place that needs an import which Envoy does not link: `index.ts:12:
   * Math.random() needs env.seed: use …`.
   */
  explainImports(): readonly string[] {
    const functions = this.module.imports.filter((entry) => entry.kind === "function");
    return this.module.imports.flatMap((entry) => {
      if (importRefusal(entry, "0.2.1") === undefined) return [];
      return [...new Set(this.#explainImport(entry, functions.indexOf(entry)))];
    });
  }

  #explainImport(entry: WasmImport, fn: number): readonly string[] {
    const name = `${entry.module}.${entry.name}`;
    const known = LIBRARY_CALLS.find((call) => call.imports.test(name));
    const advice = known === undefined ? adviceOn(entry) : `use ${known.instead} instead`;
    const callers = this.#callers(fn);
    // A function of the library that is passed as a value has no call in the source.
    const places = callers.length > 0 || known === undefined ? callers : this.map.find(known.expression);
    if (places.length === 0) return [`${name} is needed by a library: ${advice}`];
    return places.map((place) => `${at(place)} ${this.#expression(place, known)} needs ${name}: ${advice}`);
  }

  /**
   * A line for each host call that runs when the module starts: the statement at a file's top level
   * that leads to it.
   */
  explainStart(): readonly string[] {
    const found = reachedAtStart(this.module);
    return hostCallsIn(this.module, found.keys()).map(({ fn, name }) => {
      let place: SourcePlace | undefined;
      for (let step = found.get(fn); step !== undefined; step = found.get(step.from)) {
        const isTopLevel = this.module.functionNames.get(step.from)?.startsWith("start:") === true;
        if (isTopLevel || place === undefined) place = this.map.at(step.offset);
        if (isTopLevel) break;
      }
      if (place === undefined) return `${name} is called`;
      return `${at(place)} ${this.#expression(place)} calls ${name} at the top level: do it in onStart or onConfigure`;
    });
  }

  /** The calls outside the compiler's library that lead to the import. */
  #callers(fn: number): readonly SourcePlace[] {
    const callers = this.#callersByTarget();
    const places: SourcePlace[] = [];
    const reached = new Set([fn]);
    for (const target of reached) {
      for (const { from, offset } of callers.get(target) ?? []) {
        const place = this.map.at(offset);
        if (place !== undefined && !isLibrary(place.source)) places.push(place);
        else reached.add(from);
      }
    }
    return places;
  }

  #callersByTarget(): ReadonlyMap<number, readonly { from: number; offset: number }[]> {
    const callers = new Map<number, { from: number; offset: number }[]>();
    for (let from = importedFunctions(this.module); from < this.module.functionTypes.length; from++) {
      for (const call of callsOf(this.module, from)) {
        if (call.indirect) continue;
        callers.set(call.target, [...(callers.get(call.target) ?? []), { from, offset: call.offset }]);
      }
    }
    return callers;
  }

  #expression(place: SourcePlace, known?: LibraryCall): string {
    const line = this.map.textAt({ ...place, column: 0 }).trim();
    const expression = known?.expression.exec(line)?.[0] ?? line;
    return expression.endsWith("(") ? `${expression}…)` : expression.slice(0, 80);
  }
}

/** What to do about an import that is not part of the language. */
function adviceOn({ module, name, signature }: WasmImport): string {
  const linked = linkedImports("0.2.1");
  const own = linked.get(`${module}.${name}`);
  if (own !== undefined && signature !== undefined) {
    return `Envoy has it as ${describeSignature(own)}, not ${describeSignature(signature)}`;
  }
  const near = nearest(`${module}.${name}`, [...linked.keys()]);
  return near === undefined ? "use a host call of the SDK instead" : `did you mean ${near}?`;
}

/**
 * The host calls that a module's start reaches by direct calls, as `module.name`, without those of
 * a broken invariant.
 */
export function hostCallsAtStart(module: WasmModule): readonly string[] {
  return hostCallsIn(module, reachedAtStart(module).keys()).map(({ name }) => name);
}

/** The functions that the start reaches by direct calls. The search stops at the abort. */
function reachedAtStart(module: WasmModule) {
  const entries = [...startFunctions(module).values()];
  return reachable(module, entries, { reach: "direct", isClosed: (fn) => isAbort(module, fn) });
}

function isAbort(module: WasmModule, fn: number): boolean {
  return ABORT.test(module.functionNames.get(fn) ?? "");
}

function hostCallsIn(
  module: WasmModule,
  functions: Iterable<number>,
): readonly { fn: number; name: string }[] {
  const names = importNames(module);
  return [...functions].flatMap((fn) => {
    const name = names[fn];
    return name === undefined ? [] : [{ fn, name }];
  });
}

function at({ source, line }: SourcePlace): string {
  return `${source}:${line}:`;
}
