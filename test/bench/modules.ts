// Modules that do nothing, written by hand without the SDK: what Envoy itself charges for a Wasm filter and for each callback.

import { join } from "node:path";
import { compileSource } from "../harness/compile-source.js";

const CALLBACKS = {
  proxy_on_context_create: "(id: u32, parent: u32): void {}",
  proxy_on_request_headers: "(id: u32, count: u32, end: u32): u32 { return 0; }",
  proxy_on_response_headers: "(id: u32, count: u32, end: u32): u32 { return 0; }",
  proxy_on_done: "(id: u32): u32 { return 1; }",
  proxy_on_delete: "(id: u32): void {}",
} as const;

/** A stream callback of the ABI. */
export type Callback = keyof typeof CALLBACKS;

/** Every stream callback of a request without a body. */
export const FIVE_CALLBACKS = Object.keys(CALLBACKS) as readonly Callback[];

/**
 * Compiles a module that exports these callbacks and does nothing in them.
 * @param directory where it goes
 * @returns the module's path
 */
export async function buildIdleModule(directory: string, callbacks: readonly Callback[]): Promise<string> {
  const source = [
    "export function proxy_abi_version_0_2_1(): void {}",
    "export function malloc(size: usize): usize { return heap.alloc(size); }",
    ...callbacks.map((name) => `export function ${name}${CALLBACKS[name]}`),
  ].join("\n");
  const path = join(directory, `idle-${callbacks.length}.wasm`);
  await compileSource(source, path);
  return path;
}
