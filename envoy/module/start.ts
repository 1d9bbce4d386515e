// What runs when a VM starts, before any plugin exists, and which host calls it makes.

import { isAllowedAtStart, START_EXPORTS } from "./abi.js";
import { importedFunctions, type Reach, reachable } from "./call-graph.js";
import type { WasmModule } from "./parts.js";

/** The functions that start a module, and their host calls. */
export interface Start {
  /**
   * Names of the functions, in the order in which they run; `start section` for the function that
   * instantiation runs.
   */
  readonly functions: readonly string[];
  /** Host calls that are made on every start, unless something traps before. */
  readonly certain: readonly string[];
  /** Host calls that some path of direct calls leads to, those above included. */
  readonly possible: readonly string[];
  /** Host calls that may also be made through a table. */
  readonly indirect: readonly string[];
}

/** The numbers of the functions that start the module, under the names that `Start` gives them. */
export function startFunctions(module: WasmModule): ReadonlyMap<string, number> {
  const functions = new Map<string, number>();
  if (module.startFunction !== undefined) functions.set("start section", module.startFunction);
  for (const name of startExports(module)) {
    const index = exportedFunction(module, name);
    if (index !== undefined) functions.set(name, index);
  }
  return functions;
}

/**
 * The exports that Envoy runs. With `_initialize` it does not run `_start`, and without it not
 * `main`.
 */
export function startExports(module: WasmModule): readonly string[] {
  const has = (name: string) => exportedFunction(module, name) !== undefined;
  if (!has("_initialize")) return has("_start") ? ["_start"] : [];
  const main = Object.keys(START_EXPORTS).find((name) => name.includes("main") && has(name));
  return main === undefined ? ["_initialize"] : ["_initialize", main];
}

/** The number of the function exported under that name. */
export function exportedFunction(module: WasmModule, name: string): number | undefined {
  return module.exports.find((entry) => entry.kind === "function" && entry.name === name)?.index;
}

/** Follows the calls from a module's start. */
export function readStart(module: WasmModule): Start {
  const functions = startFunctions(module);
  const calls = (reach: Reach) => hostCallsFrom(module, [...functions.values()], reach);
  return {
    functions: [...functions.keys()],
    certain: calls("certain"),
    possible: calls("direct"),
    indirect: calls("indirect"),
  };
}

function hostCallsFrom(module: WasmModule, entries: readonly number[], reach: Reach): readonly string[] {
  const names = importNames(module);
  const [first] = startFunctions(module).values();
  return [...reachable(module, entries, { reach, first }).keys()]
    .filter((fn) => fn < importedFunctions(module))
    .map((fn) => names[fn] ?? "");
}

/** `module.name` of every imported function, by its number. */
export function importNames(module: WasmModule): readonly string[] {
  return module.imports
    .filter((entry) => entry.kind === "function")
    .map((entry) => `${entry.module}.${entry.name}`);
}

/** A line for each certain call at the start that makes Envoy refuse the module or crash. */
export function startRefusals(module: WasmModule): readonly string[] {
  return [...startFunctions(module)].flatMap(([name, fn]) => {
    const calls = hostCallsFrom(module, [fn], "certain");
    // No VM context exists yet: Envoy 1.39.3 ends with SIGSEGV.
    if (name === "start section") {
      return calls.map(
        (call) => `its start section calls ${call}, which ends Envoy: start from _initialize instead`,
      );
    }
    return calls
      .filter((call) => !isAllowedAtStart(call))
      .map((call) => `${name} calls ${call}, which traps before a plugin exists`);
  });
}
