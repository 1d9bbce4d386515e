// Shared data and queues with the signatures of `@solo-io/proxy-runtime` 0.1.8, which has them only
// in its `runtime` file. Its shared data cannot be used: it sets whatever the memory holds, and
// returns an address. These functions do what their names say.

import {
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "@solo-io/proxy-runtime/assembly/imports";
import { get_shared_data as get, set_shared_data as set } from "./shared";
import { encode } from "./text";
import { WasmResultValues } from "./values";

/** Copies the value of `key` into `value`, as much of it as fits. */
export function get_shared_data(key: string, value: ArrayBuffer): WasmResultValues {
  const found = get(key);
  const bytes = found.value;
  if (bytes) {
    memory.copy(changetype<usize>(value), changetype<usize>(bytes), min(value.byteLength, bytes.byteLength));
  }
  return found.result;
}

class SetSharedData {
  constructor(
    /** The value that `key` has now. */
    public value: ArrayBuffer,
    public result: WasmResultValues,
  ) {}
}

/** Sets `key` to `value`, a parameter that 0.1.8 does not have. */
export function set_shared_data(key: string, value: ArrayBuffer = new ArrayBuffer(0)): SetSharedData {
  return new SetSharedData(value, set(key, value));
}

/** @param token the address at which the queue's number is written */
export function register_shared_queue(queue_name: string, token: u32): WasmResultValues {
  const name = encode(queue_name);
  return proxy_register_shared_queue(name.ptr, name.size, token);
}

/** @param token the address at which the queue's number is written */
export function resolve_shared_queue(vm_id: string, queue_name: string, token: u32): WasmResultValues {
  const vm = encode(vm_id);
  const name = encode(queue_name);
  return proxy_resolve_shared_queue(vm.ptr, vm.size, name.ptr, name.size, token);
}
