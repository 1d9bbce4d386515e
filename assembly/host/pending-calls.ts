// Calls to other services that wait for their answers, by the host's token and by the stream that
// made them. The host gives every answer to the root context. Here an answer finds its way back to
// the context that made the call, or is dropped if that context is gone.

import { GrpcStatus, Status } from "../abi/types";
import { observeDepartures } from "../departures";
import { IdTable } from "../id-table";
import { effectiveContext, setEffectiveContext } from "./stream-control";

/** Waits for the answers to one call at a time. */
export abstract class PendingCall {
  /** The host's number for the call; while no call is under way, that of the last one. */
  token: u32 = 0;
  /** The stream, connection or root that made the call; 0 while no call is under way. */
  caller: u32 = 0;
  /** The caller's other calls. */
  next: PendingCall | null = null;
  previous: PendingCall | null = null;

  /** Whether a call is under way: it was sent, and neither answered nor cancelled. */
  get isPending(): bool {
    return this.caller != 0;
  }

  // What the host reports about the call under way; each kind of call gets some of these.

  httpResponse(headers: u32, bodySize: u32, trailers: u32): void {}

  grpcInitialMetadata(headers: u32): void {}

  grpcMessage(size: u32): void {}

  grpcTrailingMetadata(headers: u32): void {}

  grpcClose(status: GrpcStatus): void {}

  /** Tells the host, if that is possible, that nobody waits any more. */
  abandon(): void {}
}

/** All calls under way. */
@final
class PendingCalls {
  readonly byToken: IdTable<PendingCall> = new IdTable<PendingCall>();
  /** The newest call of each caller. */
  readonly byCaller: IdTable<PendingCall> = new IdTable<PendingCall>();
}

/** Made with the first call, so that a filter that makes none does not carry it. */
let pending: PendingCalls | null = null;

function pendingCalls(): PendingCalls {
  let calls = pending;
  if (!calls) {
    calls = new PendingCalls();
    pending = calls;
    observeDepartures(dropCallsOf);
  }
  return calls;
}

/** The host has accepted the call and given it that token. */
export function addCall(call: PendingCall, token: u32): void {
  const calls = pendingCalls();
  const caller = effectiveContext();
  const newest = calls.byCaller.get(caller);
  call.token = token;
  call.caller = caller;
  call.next = newest;
  if (newest) newest.previous = call;
  calls.byCaller.set(caller, call);
  calls.byToken.set(token, call);
}

/**
 * The call with that token, or `null` if nobody waits for it. The host calls that follow are then
 * about the caller, as in a callback of its own.
 */
export function enterCall(token: u32): PendingCall | null {
  const call = pendingCalls().byToken.get(token);
  if (!call) return null;
  if (setEffectiveContext(call.caller) == Status.Ok) return call;
  // A filter without state per stream is not told when a stream ends.
  dropCall(call);
  return null;
}

/** Nothing more arrives, or nobody wants it. */
export function endCall(call: PendingCall): void {
  const calls = pendingCalls();
  const previous = call.previous;
  const next = call.next;
  if (next) next.previous = previous;
  if (previous) previous.next = next;
  else if (next) calls.byCaller.set(call.caller, next);
  else calls.byCaller.take(call.caller);
  calls.byToken.take(call.token);
  call.caller = 0;
  call.next = null;
  call.previous = null;
}

/** Ends a call before its answer. */
export function dropCall(call: PendingCall): void {
  endCall(call);
  call.abandon();
}

/** A stream, connection or root is gone: its calls end, and their handlers are not told. */
function dropCallsOf(caller: u32): void {
  const calls = pendingCalls();
  if (calls.byToken.count == 0) return;
  for (let call = calls.byCaller.get(caller); call != null; call = calls.byCaller.get(caller)) dropCall(call);
}
