// The other host calls: logs, local replies, properties, buffers, time, foreign functions.

import {
  proxy_get_buffer_bytes,
  proxy_get_buffer_status,
  proxy_get_status,
} from "@solo-io/proxy-runtime/assembly/imports";
import { proxy_set_buffer_bytes } from "../../assembly/abi/env";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../../assembly/abi/memory";
import { NO_GRPC_STATUS, Status, StreamType } from "../../assembly/abi/types";
import { nowNanoseconds } from "../../assembly/host/clock";
import { setProperty } from "../../assembly/host/filter-state";
import { callForeignFunction, clearRouteCache } from "../../assembly/host/foreign";
import { sendLocalReply } from "../../assembly/host/local-reply";
import { logBytes } from "../../assembly/host/log";
import { getProperty } from "../../assembly/host/properties";
import {
  continueStream,
  effectiveContext,
  finish,
  setEffectiveContext,
} from "../../assembly/host/stream-control";
import { encodeHeaders, Headers } from "./header-pairs";
import { bufferOf, encode, viewOf } from "./text";
import { BufferTypeValues, GrpcStatusValues, LogLevelValues, WasmResultValues } from "./values";

/** A value at an address that a host call can write to. */
export class Reference<T> {
  data: T;

  constructor() {
    this.data = <T>0;
  }

  ptr(): usize {
    return changetype<usize>(this) + offsetof<Reference<T>>("data");
  }
}

export function log(level: LogLevelValues, logMessage: string): void {
  logBytes(<i32>level, encode(logMessage));
}

class StatusWithData {
  status: u32 = 0;
  data: ArrayBuffer = new ArrayBuffer(0);
}

/** Status and message of the gRPC call that has closed, in `on_grpc_close`. */
export function get_status(): StatusWithData {
  const closed = new StatusWithData();
  clearOut();
  store<u32>(OUT_WORD, 0);
  const status = proxy_get_status(OUT_WORD, OUT_PTR, OUT_SIZE);
  if (status != Status.Ok) return closed;
  closed.status = load<u32>(OUT_WORD);
  closed.data = bufferOf(adoptView());
  return closed;
}

/** Nanoseconds since 1970. */
export function get_current_time_nanoseconds(): u64 {
  return nowNanoseconds();
}

/**
 * The property at `path`, whose segments are separated by NUL; an empty buffer if there is none.
 */
export function get_property(path: string): ArrayBuffer {
  return bufferOf(getProperty(encode(path)));
}

export function set_property(path: string, data: ArrayBuffer): WasmResultValues {
  return setProperty(encode(path), viewOf(data));
}

export function continue_request(): WasmResultValues {
  return continueStream(StreamType.Request);
}

export function continue_response(): WasmResultValues {
  return continueStream(StreamType.Response);
}

/** Answers the request from the filter; a headers callback must then return `StopIteration`. */
export function send_local_response(
  response_code: u32,
  response_code_details: string,
  body: ArrayBuffer,
  additional_headers: Headers,
  grpc_status: GrpcStatusValues,
): WasmResultValues {
  const details = encode(response_code_details);
  const headers = encodeHeaders(additional_headers);
  return sendLocalReply(response_code, details, viewOf(body), headers, grpc_status);
}

/** `send_local_response` without a gRPC status, as other forks of the package have it. */
export function send_http_response(
  response_code: u32,
  response_code_details: string,
  body: ArrayBuffer,
  additional_headers: Headers,
): WasmResultValues {
  const none: GrpcStatusValues = NO_GRPC_STATUS;
  return send_local_response(response_code, response_code_details, body, additional_headers, none);
}

/** Makes Envoy choose the route again. An edit of the request headers does so by itself. */
export function clear_route_cache(): WasmResultValues {
  return clearRouteCache();
}

/** What the host's function of that name returns; an empty buffer if it fails or does not exist. */
export function call_foreign_function(function_name: string, argument: string): ArrayBuffer {
  return bufferOf(callForeignFunction(function_name, encode(argument)).value);
}

/** Up to `length` bytes from `start` on; an empty buffer if there are none. */
export function get_buffer_bytes(typ: BufferTypeValues, start: u32, length: u32): ArrayBuffer {
  clearOut();
  const status = proxy_get_buffer_bytes(typ, start, length, OUT_PTR, OUT_SIZE);
  return bufferOf(status == Status.Ok ? adoptView() : null);
}

/**
 * Writes `value` to a buffer: before its bytes (start 0, length 0), in place of all of them (start
 * 0, length its size or more), or behind them (start its size or more). `BadArgument` otherwise.
 */
export function set_buffer_bytes(
  typ: BufferTypeValues,
  start: u32,
  length: u32,
  value: ArrayBuffer,
): WasmResultValues {
  return proxy_set_buffer_bytes(typ, start, length, changetype<usize>(value), value.byteLength);
}

class BufferStatusResult {
  result: WasmResultValues = Status.Ok;
  length: usize = 0;
  flags: u32 = 0;
}

export function get_buffer_status(typ: BufferTypeValues): BufferStatusResult {
  const buffer = new BufferStatusResult();
  store<u32>(OUT_SIZE, 0);
  store<u32>(OUT_WORD, 0);
  buffer.result = proxy_get_buffer_status(typ, OUT_SIZE, OUT_WORD);
  if (buffer.result != Status.Ok) return buffer;
  buffer.length = load<u32>(OUT_SIZE);
  buffer.flags = load<u32>(OUT_WORD);
  return buffer;
}

/** Ends the current context, whose `onDone` returned false. */
export function done(): WasmResultValues {
  return finish();
}

/** Makes the host calls that follow be about that context. Logs a line if it is gone. */
export function proxy_set_effective_context(_id: u32): WasmResultValues {
  const status = setEffectiveContext(_id);
  if (status != Status.Ok && _id != effectiveContext()) {
    log(LogLevelValues.debug, "context " + _id.toString() + " is gone");
  }
  return status;
}
