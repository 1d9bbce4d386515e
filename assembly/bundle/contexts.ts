// The contexts of a bundle's filters for one stream.

import { Callback } from "../callbacks";
import { HttpContext, RootContext } from "../context";
import { enteredContext, setEffectiveContext } from "../host/stream-control";
import { Task } from "../host/timers";
import { BundlePlan } from "./plan";

/**
 * Each context is made when the request comes to its filter. Places are those in the chain's order.
 */
@final
export class BundleContexts {
  /** The host's number for the stream. */
  id: u32 = 0;
  /**
   * How many filters the request has come to. As in Envoy's chain, the response skips the others.
   */
  reached: i32 = 0;
  private readonly contexts: StaticArray<HttpContext | null>;

  constructor(
    private readonly plan: BundlePlan,
    private readonly roots: StaticArray<RootContext>,
  ) {
    this.contexts = new StaticArray<HttpContext | null>(roots.length);
  }

  get size(): i32 {
    return this.roots.length;
  }

  /** Whether the filter at that place has that callback. */
  has(index: i32, callback: Callback): bool {
    return (unchecked(this.plan.callbacks[index]) & callback) != 0;
  }

  /** Whether any filter has that callback. */
  hasAny(callback: Callback): bool {
    return (this.plan.union & callback) != 0;
  }

  /** The context of the filter at that place, made when it is first needed. */
  at(index: i32): HttpContext {
    const made = unchecked(this.contexts[index]);
    if (made) return made;
    const context = unchecked(this.roots[index]).takeContext();
    // A context that serves all streams has no stream of its own.
    if (context.pool) {
      context.id = this.id;
      context.place = index;
    }
    unchecked((this.contexts[index] = context));
    return context;
  }

  /** Makes host calls be about this stream again, after a filter has turned to another one. */
  reenter(): void {
    setEffectiveContext(this.id);
  }

  /**
   * Whether this is a callback of another stream. Filters of this stream must not be called within
   * it: the host would apply what they do, such as a local reply, to the other stream.
   */
  get isElsewhere(): bool {
    const entered = enteredContext();
    return entered != this.id && entered != this.roots[0].id;
  }

  /** Runs the task at the next tick, after this callback has ended, in the root's context. */
  later(task: Task): void {
    this.roots[0].after(1, task);
  }

  /** The stream is gone: the contexts go back to their roots. */
  release(): void {
    for (let i = 0; i < this.contexts.length; i++) {
      const context = unchecked(this.contexts[i]);
      if (context) context.release();
      unchecked((this.contexts[i] = null));
    }
    this.reached = 0;
    this.id = 0;
  }
}
