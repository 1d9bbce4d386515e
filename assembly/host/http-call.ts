// HTTP calls to one of Envoy's clusters, from a stream's callback or from a timer.

import { proxy_http_call } from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_WORD } from "../abi/memory";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { NANOSECONDS_PER_MILLISECOND } from "./clock";
import { httpCallHeaders } from "./headers";
import { monotonicNanoseconds } from "./monotonic-clock";
import { addCall, dropCall, endCall, PendingCall } from "./pending-calls";

const STATUS = Bytes.of(":status");
/** Envoy adds this header to a response from an endpoint, and not to one of its own. */
const UPSTREAM_SERVICE_TIME = Bytes.of("x-envoy-upstream-service-time");
/** Envoy's own responses to calls have a status of 500 or above. */
const SERVER_ERROR: u32 = 500;
const BAD_GATEWAY: u32 = 502;
const GATEWAY_TIMEOUT: u32 = 504;
const EARLY: u64 = 5 * NANOSECONDS_PER_MILLISECOND;

/**
 * Why a call has no response. A response of any status is a response, even an endpoint's own 502,
 * 503 or 504.
 */
export enum CallFailure {
  /** The timeout passed before the whole response had arrived. */
  Timeout = 0,
  /**
   * No endpoint answered: there is none, none took the connection, the connection ended before the
   * response's headers, or a circuit breaker is open. `httpCallBody` has Envoy's message.
   */
  Unreachable = 1,
  /** The response broke off after its headers, or is larger than Envoy's buffer for it. */
  Reset = 2,
  /**
   * What an endpoint answered is not HTTP, or not the HTTP that Envoy accepts: too many headers,
   * two lengths. `httpCallBody` has Envoy's message.
   */
  ProtocolError = 3,
}

/**
 * Handles the answer to an `httpCall`: one of its two methods is called, once. It runs in the
 * context that made the call. So it can change a stream's headers and then call `resumeRequest`, or
 * send a local reply. If that context is gone, it does not run at all. One handler waits for one
 * call at a time, and may make the next one from within its own method.
 */
export abstract class HttpCallHandler extends PendingCall {
  private timeoutMs: u32 = 0;
  private sent: u64 = 0;

  /**
   * The whole response has arrived: `httpCallHeaders`, `httpCallBody` and `httpCallTrailers` hold
   * it during this call.
   * @param headers how many there are.
   * @param bodySize in bytes.
   * @param trailers how many there are; mostly 0.
   */
  abstract onResponse(headers: u32, bodySize: u32, trailers: u32): void;

  /** There will be no response. */
  abstract onFailure(failure: CallFailure): void;

  /**
   * The handler will not be called for the call under way. The host cannot stop the call: the
   * endpoint may still get it.
   */
  cancel(): void {
    if (this.isPending) dropCall(this);
  }

  /** For `httpCall`: the call was sent. */
  wait(token: u32, timeoutMs: u32): void {
    this.timeoutMs = timeoutMs;
    this.sent = monotonicNanoseconds();
    addCall(this, token);
  }

  httpResponse(headers: u32, bodySize: u32, trailers: u32): void {
    endCall(this);
    if (headers == 0) {
      this.onFailure(this.isTimeUp() ? CallFailure.Timeout : CallFailure.Reset);
      return;
    }
    const status = httpCallStatus();
    if (status >= SERVER_ERROR && !httpCallHeaders.get(UPSTREAM_SERVICE_TIME)) {
      this.onFailure(failureOf(status));
    } else {
      this.onResponse(headers, bodySize, trailers);
    }
  }

  /** Whether the timeout ended the response, which the host does not say. */
  private isTimeUp(): bool {
    const timeout = <u64>this.timeoutMs * NANOSECONDS_PER_MILLISECOND;
    // Envoy counts from when its event loop woke. On a busy machine that is a while before the
    // call.
    return timeout > 0 && monotonicNanoseconds() - this.sent + EARLY + timeout / 8 >= timeout;
  }
}

/** What the status of Envoy's own response says. */
function failureOf(status: u32): CallFailure {
  if (status == GATEWAY_TIMEOUT) return CallFailure.Timeout;
  return status == BAD_GATEWAY ? CallFailure.ProtocolError : CallFailure.Unreachable;
}

/**
 * Sends a request. Allocates nothing. In a headers callback return `StopIteration` to hold the
 * stream until the handler resumes it. Needs the callback `proxy_on_http_call_response`.
 * @param cluster a cluster's name in Envoy's configuration.
 * @param headers encoded with `encodePairs`, `:method`, `:path` and `:authority` among them.
 * @param body sent as it is; `content-length` is Envoy's to set.
 * @param trailers encoded with `encodePairs`.
 * @param timeoutMs until the whole response has arrived, up to 2^31 - 1; 0 waits for ever.
 * @returns `Ok`, and the handler is called later. With another status it is not called:
 * `BadArgument` if there is no such cluster, a header is missing, the timeout is too large, or the
 * handler is already waiting.
 */
export function httpCall(
  cluster: Bytes,
  headers: Bytes,
  body: Bytes | null,
  trailers: Bytes | null,
  timeoutMs: u32,
  handler: HttpCallHandler,
): Status {
  if (handler.isPending) return Status.BadArgument;
  store<u32>(OUT_WORD, 0);
  const status = proxy_http_call(
    cluster.ptr,
    cluster.size,
    headers.ptr,
    headers.size,
    body ? body.ptr : 0,
    body ? <usize>body.size : 0,
    trailers ? trailers.ptr : 0,
    trailers ? <usize>trailers.size : 0,
    timeoutMs,
    OUT_WORD,
  );
  if (status == Status.Ok) handler.wait(load<u32>(OUT_WORD), timeoutMs);
  return status;
}

/**
 * The status of the response to an HTTP call, during `onResponse`; 0 at other times. One host call.
 */
export function httpCallStatus(): u32 {
  const status = httpCallHeaders.get(STATUS);
  if (!status || status.size != 3) return 0;
  let value: u32 = 0;
  for (let i = 0; i < 3; i++) value = value * 10 + (status.at(i) - 0x30);
  return value;
}
