// Callbacks for a network filter, which sees connections, not requests. A filter's entry file
// exports from here the callbacks that it implements, and always `proxy_on_context_create` and
// `proxy_on_delete`.

import { FilterStatus } from "../abi/types";
import {
  createConnection,
  createRoot,
  deleteConnection,
  deleteRoot,
  findConnection,
  rootIsDone,
} from "../dispatcher";
import { enter, leave } from "../host/stream-control";

export function proxy_on_context_create(id: u32, parentId: u32): void {
  const outer = enter(id);
  if (parentId == 0) createRoot(id);
  else createConnection(id, parentId);
  leave(outer);
}

export function proxy_on_new_connection(id: u32): u32 {
  const outer = enter(id);
  const context = findConnection(id);
  const status = context ? context.onNewConnection() : FilterStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_downstream_data(id: u32, size: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = findConnection(id);
  const status = context ? context.onDownstreamData(size, endOfStream != 0) : FilterStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_upstream_data(id: u32, size: u32, endOfStream: u32): u32 {
  const outer = enter(id);
  const context = findConnection(id);
  const status = context ? context.onUpstreamData(size, endOfStream != 0) : FilterStatus.Continue;
  leave(outer);
  return status;
}

export function proxy_on_downstream_connection_close(id: u32, peer: u32): void {
  const outer = enter(id);
  const context = findConnection(id);
  if (context) context.onDownstreamClose(peer);
  leave(outer);
}

export function proxy_on_upstream_connection_close(id: u32, peer: u32): void {
  const outer = enter(id);
  const context = findConnection(id);
  if (context) context.onUpstreamClose(peer);
  leave(outer);
}

export function proxy_on_done(id: u32): u32 {
  const outer = enter(id);
  const context = findConnection(id);
  const ended = context ? context.onDone() : rootIsDone(id);
  leave(outer);
  return ended ? 1 : 0;
}

export function proxy_on_log(id: u32): void {
  const outer = enter(id);
  const context = findConnection(id);
  if (context) context.onLog();
  leave(outer);
}

export function proxy_on_delete(id: u32): void {
  const outer = enter(id);
  if (!deleteRoot(id)) deleteConnection(id);
  leave(outer);
}
