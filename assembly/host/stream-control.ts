// Which stream the host calls are about, and letting a paused one go on.

import {
  proxy_close_stream,
  proxy_continue_stream,
  proxy_done,
  proxy_set_effective_context,
} from "@solo-io/proxy-runtime/assembly/imports";
import { newScope } from "../abi/memory";
import { Status, StreamType } from "../abi/types";

let entered: u32 = 0;
let effective: u32 = 0;

/**
 * For the exports: the host entered a callback of that context, which it has made the effective
 * one.
 */
export function enter(id: u32): void {
  entered = id;
  effective = id;
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
 * Makes the host calls that follow, until the callback ends, be about this root or stream. In a
 * stream's own callback they are already; in a timer's or a queue's they are about the root.
 * `BadArgument` when it is gone.
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
