// The callbacks of a filter that uses this API: all of them, because its filters do not say which
// ones they implement.

import { proxy_on_delete as deleteContext } from "../assembly/exports/stream";
import { enter, leave } from "../assembly/host/stream-control";
import { findContext, findRootContext } from "./implementation/adapters";
import { FilterMetadataStatusValues } from "./implementation/values";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_foreign_function,
  proxy_on_queue_ready,
  proxy_on_tick,
  proxy_on_vm_start,
} from "../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_done,
  proxy_on_log,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_request_trailers,
  proxy_on_response_body,
  proxy_on_response_headers,
  proxy_on_response_trailers,
} from "../assembly/exports/stream";

export function proxy_validate_configuration(rootId: u32, size: u32): u32 {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  const valid = root ? root.validateConfiguration(size) : false;
  leave(outer);
  return valid ? 1 : 0;
}

export function proxy_on_request_metadata(id: u32, elements: u32): u32 {
  const outer = enter(id);
  const context = findContext(id);
  const status = context ? context.onRequestMetadata(elements) : FilterMetadataStatusValues.Continue;
  leave(outer);
  return status;
}

export function proxy_on_response_metadata(id: u32, elements: u32): u32 {
  const outer = enter(id);
  const context = findContext(id);
  const status = context ? context.onResponseMetadata(elements) : FilterMetadataStatusValues.Continue;
  leave(outer);
  return status;
}

export function proxy_on_http_call_response(
  rootId: u32,
  token: u32,
  headers: u32,
  bodySize: u32,
  trailers: u32,
): void {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  if (root) root.onHttpCallResponse(token, headers, bodySize, trailers);
  leave(outer);
}

export function proxy_on_grpc_receive_initial_metadata(rootId: u32, token: u32, headers: u32): void {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  if (root) root.on_grpc_receive_initial_metadata(token, headers);
  leave(outer);
}

export function proxy_on_grpc_receive_trailing_metadata(rootId: u32, token: u32, trailers: u32): void {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  if (root) root.on_grpc_trailing_metadata(token, trailers);
  leave(outer);
}

export function proxy_on_grpc_receive(rootId: u32, token: u32, size: u32): void {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  if (root) root.on_grpc_receive(token, size);
  leave(outer);
}

export function proxy_on_grpc_close(rootId: u32, token: u32, status: u32): void {
  const outer = enter(rootId);
  const root = findRootContext(rootId);
  if (root) root.on_grpc_close(token, status);
  leave(outer);
}

/** The adapter tells a stream's context of its end. */
export function proxy_on_delete(id: u32): void {
  const outer = enter(id);
  const root = findRootContext(id);
  if (root) root.onDelete();
  leave(outer);
  deleteContext(id);
}
