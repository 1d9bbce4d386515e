// Callbacks for a filter that keeps state per stream. A filter's entry file exports from here those it implements, and always
// `proxy_on_context_create` and `proxy_on_delete`. Each entered callback costs about 0.4 µs in Envoy; one that is not exported costs nothing.

import { endCallback } from "../abi/memory";
import { FilterHeadersStatus } from "../abi/types";
import { createRoot, createStream, deleteRoot, deleteStream, findStream } from "../dispatcher";

export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId == 0) createRoot(id);
  else createStream(id, parentId);
  endCallback();
}

export function proxy_on_delete(id: u32): void {
  if (!deleteRoot(id)) deleteStream(id);
  endCallback();
}

export function proxy_on_request_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  const context = findStream(id);
  const status = context ? context.onRequestHeaders(headers, endOfStream != 0) : FilterHeadersStatus.Continue;
  endCallback();
  return status;
}

export function proxy_on_response_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  const context = findStream(id);
  const status = context
    ? context.onResponseHeaders(headers, endOfStream != 0)
    : FilterHeadersStatus.Continue;
  endCallback();
  return status;
}
