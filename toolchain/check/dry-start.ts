// Starts a module in this process as Envoy would, and checks that the start ends well. Its code
// does not show everything: a start may also trap, or reach the host through a function value.

import { runInNewContext } from "node:vm";
import { isAllowedAtStart } from "../../envoy/module/abi.js";
import { readModule } from "../../envoy/module/read.js";
import { startExports } from "../../envoy/module/start.js";
import type { Compiled } from "../compile/compile.js";
import type { Source } from "../compile/source.js";
import { isLibrary, SourceMap } from "../compile/source-map.js";

/** A start takes milliseconds. Envoy would wait for ever for one that does not end. */
const PATIENCE_MS = 10_000;
/** The byte of the module at which an error was thrown. */
const FRAME = /wasm-function\[\d+\]:0x([0-9a-f]+)/g;

/**
 * A line for the error that ends the start, with the line of source where it is known; none where
 * the start ends well. All imports must be linked.
 */
export function startFaults({ release, map: json }: Compiled, { sdk }: Source): readonly string[] {
  const log: string[] = [];
  try {
    start(release, log);
    return [];
  } catch (error) {
    const map = new SourceMap(json);
    const { message = String(error), stack = "" } = error as Partial<Error>;
    const place = [...stack.matchAll(FRAME)]
      .map(([, offset = ""]) => map.at(Number.parseInt(offset, 16)))
      // Functions that lead to a fault of the filter, and are not its cause.
      .find((each) => each !== undefined && !isLibrary(each.source) && !each.source.startsWith(sdk));
    const where = place === undefined ? "" : `${place.source}:${place.line}: `;
    return [`${where}${log.at(-1) ?? message}`];
  }
}

/** Throws the error that ends the start. */
function start(bytes: Uint8Array, log: string[]): void {
  const module = new WebAssembly.Module(bytes);
  let memory: WebAssembly.Memory | undefined;
  const hostCall = (name: string) => (_level?: number, address?: number, size?: number) => {
    if (!isAllowedAtStart(name)) throw new Error(`calls ${name}: do it in onStart or onConfigure`);
    if (name === "env.proxy_log" && memory) log.push(Buffer.from(memory.buffer, address, size).toString());
    return 0;
  };
  const imports: Record<string, Record<string, ReturnType<typeof hostCall>>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: hostCall(`${from}.${name}`) };
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  memory = exports.memory as WebAssembly.Memory | undefined;
  for (const name of startExports(readModule(bytes))) {
    // An endless loop can be stopped only where it runs in a context of its own.
    runInNewContext("start()", { start: exports[name] }, { timeout: PATIENCE_MS });
  }
}
