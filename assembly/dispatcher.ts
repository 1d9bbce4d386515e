// Maps the host's context numbers to context objects. This is the only mutable module state besides
// memory: everything that a plugin knows belongs to its root context, because several plugins may
// share one VM.

import { Status } from "./abi/types";
import { HttpContext, RootContext, TcpContext } from "./context";
import { departed } from "./departures";
import { effectiveContext, setEffectiveContext } from "./host/stream-control";
import { IdTable } from "./id-table";

/** Makes the root context for one plugin. */
export type RootContextFactory = (id: u32) => RootContext;

/** One for each filter of the module, in the order in which their entry files are imported. */
const factories: Array<RootContextFactory> = [];
const roots: Array<RootContext> = [];

/**
 * Names the class of the module's plugins. A filter's entry file calls it once, at the top level.
 */
export function registerRootContext(create: RootContextFactory): void {
  factories.push(create);
}

/**
 * For a bundle's entry file: the factories that its filters have registered so far. The bundle then
 * serves them through a root of its own.
 */
export function takeFactories(): Array<RootContextFactory> {
  return factories.splice(0);
}

/**
 * While there are several roots, the dispatcher looks after this many callbacks whether one has
 * ended.
 */
const LOOK_INTERVAL: u32 = 256;
let sinceLook: u32 = 0;

/** The only root of the VM, or `null` if there are several or none. */
export function soleRoot(): RootContext | null {
  // A plugin that was configured anew ends only after its successor has begun.
  if (roots.length > 1 && ++sinceLook % LOOK_INTERVAL == 0) dropDeadRoots();
  return roots.length == 1 ? unchecked(roots[0]) : null;
}

/** How many roots there are, and the root at that place; the newest comes last. */
export function rootCount(): i32 {
  return roots.length;
}

export function rootAt(index: i32): RootContext {
  return roots[index];
}

/** The root context with that number, or `null`. */
export function findRoot(id: u32): RootContext | null {
  for (let i = roots.length - 1; i >= 0; i--) {
    const root = unchecked(roots[i]);
    if (root.id == id) return root;
  }
  return null;
}

/** Makes the root context with that number. */
export function createRoot(id: u32): void {
  dropDeadRoots();
  if (factories.length > 0) roots.push(factories[0](id));
}

/** Asks the root context with that number whether it may end; true if there is none. */
export function rootIsDone(id: u32): bool {
  const root = findRoot(id);
  return root ? root.onDone() : true;
}

/** Forgets the root context with that number; false if there is none. */
export function deleteRoot(id: u32): bool {
  for (let i = 0; i < roots.length; i++) {
    if (roots[i].id != id) continue;
    departed(id);
    roots.splice(i, 1);
    return true;
  }
  return false;
}

/**
 * Forgets the roots that the host has ended. A filter that does not export `proxy_on_delete`, which
 * saves each stream that call, is never told of a root's end. But the host refuses to make a
 * context that is gone the effective one.
 */
function dropDeadRoots(): void {
  const current = effectiveContext();
  for (let i = roots.length - 1; i >= 0; i--) {
    if (setEffectiveContext(roots[i].id) == Status.Ok) continue;
    departed(roots[i].id);
    roots.splice(i, 1);
  }
  setEffectiveContext(current);
}

// Live streams and connections.

const streams: IdTable<HttpContext> = new IdTable<HttpContext>();
const connections: IdTable<TcpContext> = new IdTable<TcpContext>();

/** The context of that stream, or `null`. */
export function findStream(id: u32): HttpContext | null {
  return streams.get(id);
}

/** Gives a stream its context, from the root's pool if one is free. */
export function createStream(id: u32, rootId: u32): void {
  const root = findRoot(rootId);
  if (!root) return;
  const context = root.takeContext();
  if (context.pool) context.id = id;
  keepStream(id, context);
}

/** Remembers the context of a stream until `deleteStream`. */
export function keepStream(id: u32, context: HttpContext): void {
  streams.set(id, context);
}

/**
 * Forgets a stream and the calls that it made. Its context goes back to the root's pool if it may
 * serve again.
 */
export function deleteStream(id: u32): void {
  const context = streams.take(id);
  if (!context) return;
  departed(id);
  context.release();
}

/** The context of that connection, or `null`. */
export function findConnection(id: u32): TcpContext | null {
  return connections.get(id);
}

/** Gives a connection its context. */
export function createConnection(id: u32, rootId: u32): void {
  const root = findRoot(rootId);
  if (!root) return;
  const context = root.createTcpContext();
  context.id = id;
  connections.set(id, context);
}

/** Forgets a connection and the calls that it made. */
export function deleteConnection(id: u32): void {
  const context = connections.take(id);
  if (!context) return;
  departed(id);
  context.onDelete();
  context.id = 0;
}
