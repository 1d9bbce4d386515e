// Starts a built module in this process, and says which line of its source ends the start, or that
// the start registers no root context.

import { dryStart, EarlyHostCall } from "../../envoy/module/dry-start.js";
import { readModule } from "../../envoy/module/read.js";
import type { Compiled } from "../compile/compile.js";
import type { Source } from "../compile/source.js";
import { isLibrary, SourceMap } from "../compile/source-map.js";

/**
 * Whether the SDK makes a root context for a plugin. With one, it asks the host for the plugin's
 * name before the plugin is configured, and that ends this trial.
 */
export function makesRoot({ release }: Compiled): boolean {
  const { error, exports = {} } = dryStart(readModule(release)) ?? {};
  const configure = exports.proxy_on_configure;
  if (error !== undefined || typeof configure !== "function") return true;
  try {
    if (typeof exports.proxy_on_context_create === "function") exports.proxy_on_context_create(ROOT, 0);
    configure(ROOT, 0);
    return false;
  } catch {
    return true;
  }
}

const ROOT = 1;

/** The byte of the module at which an error was thrown. */
const FRAME = /wasm-function\[\d+\]:0x([0-9a-f]+)/g;

/**
 * A line for the error that ends the start, with the line of source where it is known; none where
 * the start ends well, or this Node cannot run the module. All imports must be linked.
 */
export function startFaults({ release, map: json }: Compiled, { sdk }: Source): readonly string[] {
  const { error, log = [] } = dryStart(readModule(release)) ?? {};
  if (error === undefined) return [];
  const map = new SourceMap(json);
  const { message, stack = "" } = error;
  const place = [...stack.matchAll(FRAME)]
    .map(([, offset = ""]) => map.at(Number.parseInt(offset, 16)))
    // Functions that lead to a fault of the filter, and are not its cause.
    .find((each) => each !== undefined && !isLibrary(each.source) && !each.source.startsWith(sdk));
  const where = place === undefined ? "" : `${place.source}:${place.line}: `;
  if (error instanceof EarlyHostCall) return [`${where}${message}: do it in onStart or onConfigure`];
  return [`${where}${log.at(-1) ?? message}`];
}
