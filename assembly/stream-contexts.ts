// The context for a callback of a stream. The whole module is told of each stream before its first
// callback, and of its end. A lean build may lack either: then the first callback makes the
// context, and where nothing is kept for a stream, the same callback gives it back.

import { Callback, isLeftOut } from "./callbacks";
import { HttpContext } from "./context";
import { findRoot, findStream, keepStream } from "./dispatcher";
import { rootOfStream } from "./plugin-names";

/** The context of that stream, or `null` if its plugin is not known. */
export function enterStream(id: u32): HttpContext | null {
  const known = findStream(id);
  return known || !isLeftOut(Callback.ContextCreate) ? known : newContext(id);
}

function newContext(id: u32): HttpContext | null {
  // Roots have numbers of the same kind.
  if (findRoot(id)) return null;
  const root = rootOfStream();
  if (!root) return null;
  const context = root.takeContext();
  if (context.pool) context.id = id;
  if (!isLeftOut(Callback.Delete)) keepStream(id, context);
  return context;
}

/** The callback of a stream that got this context is over. */
export function leaveStream(context: HttpContext | null): void {
  if (context && isLeftOut(Callback.Delete)) context.release();
}
