// The callbacks of a stream: which of them a configuration needs, and which of them this build of
// the module lacks. The toolkit makes a lean build of a module whose entry file exports the two
// globals below: it removes exports, and writes into the first global which ones.

import { STREAM_CALLBACKS } from "./callback-names";

/** The callbacks of a stream, a bit for each. */
export enum Callback {
  RequestHeaders = 1,
  RequestBody = 2,
  RequestTrailers = 4,
  ResponseHeaders = 8,
  ResponseBody = 16,
  ResponseTrailers = 32,
  Done = 64,
  Log = 128,
  /** Tells the plugins that share a VM apart, where they have the same name. */
  ContextCreate = 256,
  /** Whatever is kept for a stream from one callback to another needs it. */
  Delete = 512,
}

/** What a configuration needs of which nothing is known. */
export const ALL_CALLBACKS: u32 = (Callback.Delete << 1) - 1;

/** The callbacks that this build lacks, as bits of `Callback`. */
// biome-ignore lint/style/useConst: a lean build has another value here.
export let left_out_callbacks: u32 = 0;

/** Those that the configuration needs that was accepted last. */
export let needed_callbacks: u32 = ALL_CALLBACKS;

/** For `proxy_on_configure`: a configuration that needs these was accepted. */
export function noteNeeded(callbacks: u32): void {
  needed_callbacks = callbacks;
}

/** Whether this build has that callback, if the whole module does. */
export function isLeftOut(callback: Callback): bool {
  return (left_out_callbacks & callback) != 0;
}

/** The names of those callbacks that are needed and left out; empty where there are none. */
export function missingCallbacks(needed: u32): string {
  const missing = needed & left_out_callbacks;
  if (missing == 0) return "";
  const names: string[] = [];
  for (let i = 0; i < STREAM_CALLBACKS.length; i++) {
    if ((missing & (1 << i)) != 0) names.push(STREAM_CALLBACKS[i]);
  }
  return names.join(", ");
}
