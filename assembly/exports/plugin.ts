// What every filter exports: the ABI marker, the allocator and the configuration.

import { proxy_get_buffer_bytes } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, collect, endCallback, OUT_PTR, OUT_SIZE } from "../abi/memory";
import "../abi/abort";
import { BufferType } from "../abi/types";
import { findRoot } from "../dispatcher";

export { allocate as malloc } from "../abi/memory";

/** Tells the host which ABI this module speaks. Never called. */
export function proxy_abi_version_0_2_1(): void {}

/** A plugin starts, or restarts with a new configuration of `size` bytes. */
export function proxy_on_configure(rootId: u32, size: u32): u32 {
  const accepted = configure(rootId, size);
  endCallback();
  // Compiling leaves garbage that no request will ever cause to be collected.
  collect();
  return accepted ? 1 : 0;
}

function configure(rootId: u32, size: u32): bool {
  const root = findRoot(rootId);
  if (!root) return false;
  clearOut();
  proxy_get_buffer_bytes(BufferType.PluginConfiguration, 0, size, OUT_PTR, OUT_SIZE);
  return root.onConfigure(adoptView());
}
