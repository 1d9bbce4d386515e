// Finds the callbacks of streams that a filter's settings do not need, by asking the module itself.

import { STREAM_CALLBACKS } from "../../assembly/callback-names.js";
import { HostedModule } from "./load.js";

/**
 * Whatever is kept for a stream is found by its number, and the module is told of both its ends, or
 * of none.
 */
const TOLD_IN_SHARED_VM: readonly string[] = ["proxy_on_context_create", "proxy_on_delete"];

/**
 * The callbacks that the module exports and that a plugin with this configuration does not need;
 * none where the module refuses the configuration, or does not say what it needs.
 * @param text the bytes that the module will read
 * @param isAlone whether no other plugin shares the plugin's VM. Default: true
 */
export function idleCallbacks(
  module: WebAssembly.Module,
  text: string,
  { isAlone = true }: { readonly isAlone?: boolean } = {},
): readonly string[] {
  const needed = neededBy(module, text);
  if (needed === undefined) return [];
  const kept = isAlone ? needed : [...needed, ...TOLD_IN_SHARED_VM];
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  return STREAM_CALLBACKS.filter((name) => exported.has(name) && !kept.includes(name));
}

function neededBy(module: WebAssembly.Module, text: string): readonly string[] | undefined {
  try {
    const hosted = new HostedModule(module);
    return hosted.configure(Buffer.from(text)).accepted ? hosted.neededCallbacks : undefined;
  } catch {
    // Whoever runs it will tell: here it only has to stay as it is.
    return undefined;
  }
}
