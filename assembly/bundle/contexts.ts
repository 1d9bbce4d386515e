// The contexts of a bundle's filters for one stream.

import { Status } from "../abi/types";
import { HttpContext, RootContext, StreamChain } from "../context";
import { enteredContext, setEffectiveContext } from "../host/stream-control";
import { Task } from "../host/timers";
import { BundlePlan, Callback } from "./plan";
import { Walk } from "./walk";

/** Lets a stream's direction, or a filter's place in it, go on at the next tick. */
@final
class Continuation extends Task {
  private readonly id: u32;

  constructor(
    private readonly contexts: BundleContexts,
    private readonly walk: Walk,
    private readonly place: i32,
  ) {
    super();
    this.id = contexts.id;
  }

  run(): void {
    // The contexts may serve another stream by now.
    if (this.contexts.id != this.id || setEffectiveContext(this.id) != Status.Ok) return;
    if (this.place < 0) this.walk.continueNow();
    else this.walk.resume(this.place);
  }
}

/** Made as the request comes to each filter; the places are those of the chain's order. */
@final
export class BundleContexts {
  /** The host's number for the stream. */
  id: u32 = 0;
  /**
   * How many filters the request has come to: as in Envoy's chain, the response is not for the
   * others.
   */
  reached: i32 = 0;
  /** What the contexts ask to resume them. */
  chain: StreamChain | null = null;
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
    // One that serves all streams is of none.
    if (context.pool) {
      context.id = this.id;
      context.chain = this.chain;
    }
    unchecked((this.contexts[index] = context));
    return context;
  }

  /** The place of a context that `at` gave, or -1. */
  indexOf(context: HttpContext): i32 {
    for (let i = 0; i < this.contexts.length; i++) {
      if (unchecked(this.contexts[i]) == context) return i;
    }
    return -1;
  }

  /** Makes the host calls be about this stream again, where a filter has turned to another one. */
  reenter(): void {
    setEffectiveContext(this.id);
  }

  /**
   * Whether this is a callback of another stream. Filters of this one must not be called within it:
   * what they do, such as a local reply, the host would take for the other's.
   */
  get isElsewhere(): bool {
    const entered = enteredContext();
    return entered != this.id && entered != this.roots[0].id;
  }

  /**
   * Lets that direction of the stream, or the filter of that place in it, go on when this callback
   * has ended.
   */
  later(walk: Walk, place: i32 = -1): void {
    this.roots[0].after(1, new Continuation(this, walk, place));
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
