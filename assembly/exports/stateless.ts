// Callbacks for a filter that keeps nothing per stream: its root's `sharedHttpContext` serves all
// streams. A filter's entry file exports from here the callbacks that it implements, and pays for
// no other.
//
// The host says only in `proxy_on_context_create` which plugin a stream belongs to. A filter that
// also exports that callback (about 0.2 µs a stream) always knows the plugin of its request
// headers, because these follow at once. Without it, and in every other callback, a VM with one
// plugin needs to ask nothing. Where plugins share a VM, the plugin's name tells them apart. So
// plugins with different configurations need different names, or VMs.

import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from "../abi/types";
import { HttpContext, RootContext } from "../context";
import { createRoot, findRoot } from "../dispatcher";
import { enter, leave } from "../host/stream-control";
import { rootOfStream } from "../plugin-names";

let createdId: u32 = 0;
let createdRoot: RootContext | null = null;

export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId != 0) {
    createdId = id;
    createdRoot = findRoot(parentId);
    return;
  }
  const outer = enter(id);
  createRoot(id);
  leave(outer);
}

/** The context for the stream's callbacks, or `null` if its plugin is not known. */
function contextOf(id: u32): HttpContext | null {
  const told = createdId == id ? createdRoot : null;
  const root = told ? told : rootOfStream();
  return root ? root.sharedHttpContext() : null;
}

export function proxy_on_request_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context ? context.onRequestHeaders(headers, endOfStream != 0) : FilterHeadersStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context ? context.onRequestBody(size, endOfStream != 0) : FilterDataStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_request_trailers(id: u32, trailers: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context ? context.onRequestTrailers(trailers) : FilterTrailersStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_response_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context
    ? context.onResponseHeaders(headers, endOfStream != 0)
    : FilterHeadersStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context ? context.onResponseBody(size, endOfStream != 0) : FilterDataStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_response_trailers(id: u32, trailers: u32): u32 {
  const outer = enter(id);
  const context = contextOf(id);
  const status = context ? context.onResponseTrailers(trailers) : FilterTrailersStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_log(id: u32): void {
  const outer = enter(id);
  const context = contextOf(id);
  if (context) context.onLog();
  leave(outer);
}
