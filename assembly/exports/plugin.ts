// What every filter exports: the ABI marker, the allocator and the configuration callback; and the
// callbacks of a plugin that are not about streams.

import { proxy_get_buffer_bytes } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, collect, OUT_PTR, OUT_SIZE } from "../abi/memory";
import "../abi/abort";
import { BufferType } from "../abi/types";
import { noteNeeded } from "../callbacks";
import { RootContext } from "../context";
import { createRoot, findRoot } from "../dispatcher";
import { enter, leave, OUTERMOST } from "../host/stream-control";
import { rememberName } from "../plugin-names";
import { Bytes } from "../text/bytes";

export { allocate as malloc } from "../abi/memory";
export { left_out_callbacks, needed_callbacks } from "../callbacks";

/** Tells the host which ABI this module speaks. Never called. */
export function proxy_abi_version_0_2_1(): void {}

/** The VM starts, with a VM configuration of `size` bytes. */
export function proxy_on_vm_start(rootId: u32, size: u32): u32 {
  const outer = enter(rootId);
  const root = rootOf(rootId);
  const started = root ? root.onStart(buffer(BufferType.VmConfiguration, size)) : true;
  leave(outer);
  return started ? 1 : 0;
}

/** A plugin starts, or restarts with a new configuration of `size` bytes. */
export function proxy_on_configure(rootId: u32, size: u32): u32 {
  const outer = enter(rootId);
  const root = rootOf(rootId);
  let accepted: bool = false;
  if (root) {
    rememberName(root);
    accepted = root.onConfigure(buffer(BufferType.PluginConfiguration, size));
    if (accepted) {
      root.accepted = true;
      noteNeeded(root.needed);
    }
  }
  leave(outer);
  // Compiling leaves garbage that no request would ever cause to be collected.
  if (outer == OUTERMOST) collect();
  return accepted ? 1 : 0;
}

/** The host's tick: runs timers, and `onTick` when a period is set. */
export function proxy_on_tick(rootId: u32): void {
  const outer = enter(rootId);
  const root = findRoot(rootId);
  if (root) root.runTimers();
  leave(outer);
}

export function proxy_on_queue_ready(rootId: u32, queue: u32): void {
  const outer = enter(rootId);
  const root = findRoot(rootId);
  if (root) root.onQueueReady(queue);
  leave(outer);
}

export function proxy_on_foreign_function(rootId: u32, functionId: u32, size: u32): void {
  const outer = enter(rootId);
  const root = findRoot(rootId);
  if (root) root.onForeignFunction(functionId, buffer(BufferType.CallData, size));
  leave(outer);
}

/** That root. A filter without `proxy_on_context_create` learns of its root here. */
function rootOf(id: u32): RootContext | null {
  if (!findRoot(id)) createRoot(id);
  return findRoot(id);
}

function buffer(type: BufferType, size: u32): Bytes {
  clearOut();
  proxy_get_buffer_bytes(type, 0, size, OUT_PTR, OUT_SIZE);
  return adoptView();
}
