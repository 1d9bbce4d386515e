// From the host's context numbers to context objects. The only mutable module state besides memory: everything a plugin knows hangs on its
// root context, because several plugins may share one VM.

import { Status } from "./abi/types";
import { HttpContext, RootContext } from "./context";
import { effectiveContext, setEffectiveContext } from "./host/stream-control";

/** Makes the root context for one plugin. */
export type RootContextFactory = (id: u32) => RootContext;

/** One for each filter of the module, in the order in which their entry files stand. */
const factories: Array<RootContextFactory> = [];
const roots: Array<RootContext> = [];

/** Names what the module's plugins are made of. A filter's entry file calls it once, at the top level. */
export function registerRootContext(create: RootContextFactory): void {
  factories.push(create);
}

/** For a bundle's entry file: what its filters registered so far, which it then serves through a root of its own. */
export function takeFactories(): Array<RootContextFactory> {
  return factories.splice(0);
}

/** The only root of the VM, or `null` where there are several, or none. */
export function soleRoot(): RootContext | null {
  return roots.length == 1 ? unchecked(roots[0]) : null;
}

/** How many roots there are, and the root at that place; the newest comes last. */
export function rootCount(): i32 {
  return roots.length;
}

export function rootAt(index: i32): RootContext {
  return roots[index];
}

/** The root context of that number, or `null`. */
export function findRoot(id: u32): RootContext | null {
  for (let i = roots.length - 1; i >= 0; i--) {
    const root = unchecked(roots[i]);
    if (root.id == id) return root;
  }
  return null;
}

/** Makes the root context of that number. */
export function createRoot(id: u32): void {
  dropDeadRoots();
  if (factories.length > 0) roots.push(factories[0](id));
}

/** Forgets the root context of that number; false where there is none. */
export function deleteRoot(id: u32): bool {
  for (let i = 0; i < roots.length; i++) {
    if (roots[i].id != id) continue;
    roots.splice(i, 1);
    return true;
  }
  return false;
}

/**
 * Forgets the roots that the host has ended. A filter that does not export `proxy_on_delete`, to spare each stream that call, is never told
 * of a root's end; the host, however, refuses to make a context that is gone the effective one.
 */
function dropDeadRoots(): void {
  const current = effectiveContext();
  for (let i = roots.length - 1; i >= 0; i--) {
    if (setEffectiveContext(roots[i].id) != Status.Ok) roots.splice(i, 1);
  }
  setEffectiveContext(current);
}

// Live streams: an open-addressed table, so that finding one costs the same with twenty thousand open as with one, and makes no garbage.

const FIRST_CAPACITY: i32 = 64;

let ids: StaticArray<u32> = new StaticArray<u32>(FIRST_CAPACITY);
let contexts: StaticArray<HttpContext | null> = new StaticArray<HttpContext | null>(FIRST_CAPACITY);
let mask: u32 = FIRST_CAPACITY - 1;
let live: u32 = 0;

/** The context of that stream, or `null`. */
export function findStream(id: u32): HttpContext | null {
  return unchecked(contexts[slotOf(id)]);
}

/** Gives a stream its context, from the root's pool where one is free. */
export function createStream(id: u32, rootId: u32): void {
  const root = findRoot(rootId);
  if (!root) return;
  if (live * 2 >= <u32>ids.length) grow();
  const slot = slotOf(id);
  if (unchecked(contexts[slot]) == null) live++;
  const context = root.takeContext();
  if (context.pool) context.id = id;
  unchecked((ids[slot] = id));
  unchecked((contexts[slot] = context));
}

/** Forgets a stream; its context goes back to the root's pool if it may serve again. */
export function deleteStream(id: u32): void {
  const slot = slotOf(id);
  const context = unchecked(contexts[slot]);
  if (!context) return;
  context.release();
  live--;
  closeGap(slot);
}

/** Where that stream is, or where it would go. Host numbers are consecutive, so their low bits spread them. */
function slotOf(id: u32): u32 {
  let slot = id & mask;
  while (unchecked(contexts[slot]) != null && unchecked(ids[slot]) != id) slot = (slot + 1) & mask;
  return slot;
}

/** Empties a slot and moves back those that had to go past it, so that none is cut off from where its search begins. */
function closeGap(slot: u32): void {
  let gap = slot;
  let next = (gap + 1) & mask;
  while (unchecked(contexts[next]) != null) {
    const home = unchecked(ids[next]) & mask;
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      unchecked((ids[gap] = ids[next]));
      unchecked((contexts[gap] = contexts[next]));
      gap = next;
    }
    next = (next + 1) & mask;
  }
  unchecked((contexts[gap] = null));
}

function grow(): void {
  const oldIds = ids;
  const oldContexts = contexts;
  ids = new StaticArray<u32>(oldIds.length * 2);
  contexts = new StaticArray<HttpContext | null>(oldIds.length * 2);
  mask = <u32>ids.length - 1;
  for (let i = 0; i < oldIds.length; i++) {
    if (oldContexts[i] == null) continue;
    const slot = slotOf(oldIds[i]);
    ids[slot] = oldIds[i];
    contexts[slot] = oldContexts[i];
  }
}
