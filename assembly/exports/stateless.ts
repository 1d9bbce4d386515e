// Callbacks for a filter that decides on request headers alone and keeps nothing per stream. It has no `proxy_on_delete`, which would cost every
// stream a callback. The host creates a stream's context right before it hands over the request headers, so remembering the last one is enough.

import { endCallback } from "../abi/memory";
import { FilterHeadersStatus } from "../abi/types";
import { HttpContext } from "../context";
import { createRoot, findRoot } from "../dispatcher";

let currentId: u32 = 0;
let current: HttpContext | null = null;

export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId == 0) {
    createRoot(id);
    endCallback();
    return;
  }
  currentId = id;
  const root = findRoot(parentId);
  current = root ? root.createHttpContext() : null;
}

export function proxy_on_request_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  const context = current;
  if (!context || currentId != id) return FilterHeadersStatus.Continue;
  const status = context.onRequestHeaders(headers, endOfStream != 0);
  endCallback();
  return status;
}
