// What all workers of a `vm_id` share: data under keys, and queues. The signatures are those of
// `@solo-io/proxy-runtime` 0.1.9 and later, which exports them from its index; those of 0.1.8 are
// in `shared-0-1-8.ts`.

import {
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_get_shared_data,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
  proxy_set_shared_data,
} from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../../assembly/abi/memory";
import { Status } from "../../assembly/abi/types";
import { bufferOf, encode } from "./text";
import { WasmResultValues } from "./values";

class GetSharedData {
  /** `null` if there is no such key. */
  value: ArrayBuffer | null = null;
  result: WasmResultValues = Status.Ok;
  /** The value's version, for `set_shared_data`. */
  cas: usize = 0;
}

export function get_shared_data(key: string): GetSharedData {
  const found = new GetSharedData();
  const name = encode(key);
  clearOut();
  store<u32>(OUT_WORD, 0);
  found.result = proxy_get_shared_data(name.ptr, name.size, OUT_PTR, OUT_SIZE, OUT_WORD);
  if (found.result != Status.Ok) return found;
  found.value = bufferOf(adoptView());
  found.cas = load<u32>(OUT_WORD);
  return found;
}

/** `CasMismatch` if `cas` is neither 0 nor the value's version. */
export function set_shared_data(key: string, value: ArrayBuffer, cas: u32 = 0): WasmResultValues {
  const name = encode(key);
  return proxy_set_shared_data(name.ptr, name.size, changetype<usize>(value), value.byteLength, cas);
}

class TokenSharedQueueResult {
  result: WasmResultValues = Status.Ok;
  token: u32 = 0;
}

export function register_shared_queue(queue_name: string): TokenSharedQueueResult {
  const queue = new TokenSharedQueueResult();
  const name = encode(queue_name);
  store<u32>(OUT_WORD, 0);
  queue.result = proxy_register_shared_queue(name.ptr, name.size, OUT_WORD);
  queue.token = load<u32>(OUT_WORD);
  return queue;
}

export function resolve_shared_queue(vm_id: string, queue_name: string): TokenSharedQueueResult {
  const queue = new TokenSharedQueueResult();
  const vm = encode(vm_id);
  const name = encode(queue_name);
  store<u32>(OUT_WORD, 0);
  queue.result = proxy_resolve_shared_queue(vm.ptr, vm.size, name.ptr, name.size, OUT_WORD);
  queue.token = load<u32>(OUT_WORD);
  return queue;
}

class DequeueSharedQueueResult {
  /** `Empty` if nothing waits, `NotFound` if there is no such queue. */
  result: WasmResultValues = Status.Ok;
  /** Empty unless `result` is `Ok`. */
  data: ArrayBuffer = new ArrayBuffer(0);
}

export function dequeue_shared_queue(token: u32): DequeueSharedQueueResult {
  const taken = new DequeueSharedQueueResult();
  clearOut();
  taken.result = proxy_dequeue_shared_queue(token, OUT_PTR, OUT_SIZE);
  if (taken.result == Status.Ok) taken.data = bufferOf(adoptView());
  return taken;
}

export function enqueue_shared_queue(token: u32, data: ArrayBuffer): WasmResultValues {
  return proxy_enqueue_shared_queue(token, changetype<usize>(data), data.byteLength);
}
