// Which stream the host calls are about, and letting a paused one go on.

import {
  proxy_close_stream,
  proxy_continue_stream,
  proxy_done,
  proxy_set_effective_context,
} from "@solo-io/proxy-runtime/assembly/imports";
import { endCallback, newScope } from "../abi/memory";
import { Status, StreamType } from "../abi/types";

/**
 * The number of the current callback; 0 outside of any. A trap does not reset it, because it ends
 * the VM.
 */
let entered: u32 = 0;
let effective: u32 = 0;

/** The callback within which the host entered another one; `OUTERMOST` if there was none. */
type OuterCallback = u64;
export const OUTERMOST: OuterCallback = 0;

/**
 * For the exports: the host has entered a callback of that context and made it the effective one.
 * It may have done so within a host call of another callback.
 * @returns the value that `leave` needs when the callback ends
 */
export function enter(id: u32): OuterCallback {
  const outer = ((<u64>entered) << 32) | effective;
  if (outer != OUTERMOST) newScope();
  entered = id;
  effective = id;
  return outer;
}

/**
 * For the exports: the callback ends, and the host returns to the one around it. Only the outermost
 * callback releases memory, because the others still use it.
 */
export function leave(outer: OuterCallback): void {
  entered = <u32>(outer >> 32);
  effective = <u32>outer;
  if (outer == OUTERMOST) endCallback();
  else newScope();
}

/** The root or stream whose callback this is. */
export function enteredContext(): u32 {
  return entered;
}

/** The root or stream that host calls are about now. */
export function effectiveContext(): u32 {
  return effective;
}

/**
 * Makes the host calls that follow, until the callback ends, be about this root or stream. A
 * stream's own callback is already about it; a timer's or a queue's is about the root.
 * `BadArgument` when the root or stream is gone.
 */
export function setEffectiveContext(id: u32): Status {
  if (id == effective) return Status.Ok;
  const status = proxy_set_effective_context(id);
  if (status == Status.Ok) effective = id;
  newScope();
  return status;
}

/** Lets a paused direction of the effective stream go on. */
export function continueStream(type: StreamType): Status {
  newScope();
  return proxy_continue_stream(type);
}

/** Resets the effective stream, or closes its connection. */
export function closeStream(type: StreamType): Status {
  return proxy_close_stream(type);
}

/** Ends the effective context, whose `onDone` returned false. */
export function finish(): Status {
  return proxy_done();
}
