// The answers to the filter's own calls. A filter's entry file exports from here the callbacks that
// it waits for: for `httpCall` the first; for `grpcCall` `proxy_on_grpc_receive` and
// `proxy_on_grpc_close`; for `grpcStream` these two and those of the metadata that it reads.

import { enterCall } from "../host/pending-calls";
import { enter, leave } from "../host/stream-control";

export function proxy_on_http_call_response(
  rootId: u32,
  token: u32,
  headers: u32,
  bodySize: u32,
  trailers: u32,
): void {
  const outer = enter(rootId);
  const call = enterCall(token);
  if (call) call.httpResponse(headers, bodySize, trailers);
  leave(outer);
}

export function proxy_on_grpc_receive_initial_metadata(rootId: u32, token: u32, headers: u32): void {
  const outer = enter(rootId);
  const call = enterCall(token);
  if (call) call.grpcInitialMetadata(headers);
  leave(outer);
}

export function proxy_on_grpc_receive(rootId: u32, token: u32, size: u32): void {
  const outer = enter(rootId);
  const call = enterCall(token);
  if (call) call.grpcMessage(size);
  leave(outer);
}

export function proxy_on_grpc_receive_trailing_metadata(rootId: u32, token: u32, headers: u32): void {
  const outer = enter(rootId);
  const call = enterCall(token);
  if (call) call.grpcTrailingMetadata(headers);
  leave(outer);
}

export function proxy_on_grpc_close(rootId: u32, token: u32, status: u32): void {
  const outer = enter(rootId);
  const call = enterCall(token);
  if (call) call.grpcClose(status);
  leave(outer);
}
