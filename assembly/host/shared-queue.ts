// Shared queues: first in, first out, between all workers and VMs of the process.
//
// The host calls `onQueueReady` of the root that registered the queue last, once for each entry
// that is added after that. Every worker registers the queue in `onConfigure`, so that one of them
// gets all the calls. By then another worker may have taken the entry.

import {
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { Status } from "../abi/types";
import { bundleLink } from "../bundle-link";
import { Bytes } from "../text/bytes";

/**
 * Creates the queue of that name in the plugin's own `vm_id`, or finds the existing one and its
 * entries. Returns its number; 0 if the host refuses.
 */
export function registerSharedQueue(name: Bytes): u32 {
  store<u32>(OUT_WORD, 0);
  const status = proxy_register_shared_queue(name.ptr, name.size, OUT_WORD);
  if (status != Status.Ok) return 0;
  const queue = load<u32>(OUT_WORD);
  const bundle = bundleLink();
  if (bundle) bundle.queueRegistered(queue);
  return queue;
}

/** The number of a queue that a plugin of that `vm_id` registered; 0 if there is none. */
export function resolveSharedQueue(vmId: Bytes, name: Bytes): u32 {
  store<u32>(OUT_WORD, 0);
  const status = proxy_resolve_shared_queue(vmId.ptr, vmId.size, name.ptr, name.size, OUT_WORD);
  return status == Status.Ok ? load<u32>(OUT_WORD) : 0;
}

/**
 * Adds an entry at the end; `NotFound` if there is no such queue. A queue has no limit: entries
 * that nobody takes fill the host's memory.
 */
export function enqueue(queue: u32, data: Bytes): Status {
  return proxy_enqueue_shared_queue(queue, data.ptr, data.size);
}

/**
 * Takes the first entry, which is valid until the callback ends; `null` if the queue is empty or
 * does not exist.
 */
export function dequeue(queue: u32): Bytes | null {
  clearOut();
  const status = proxy_dequeue_shared_queue(queue, OUT_PTR, OUT_SIZE);
  return status == Status.Ok ? adoptView() : null;
}
