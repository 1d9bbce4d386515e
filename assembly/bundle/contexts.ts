// The contexts of a bundle's filters for one stream.

import { Status } from "../abi/types";
import { HttpContext, RootContext, StreamChain } from "../context";
import { setEffectiveContext } from "../host/stream-control";
import { Task } from "../host/timers";
import { BundlePlan, Callback } from "./plan";
import { Walk } from "./walk";

/** Lets a stream's direction go on at the next tick. */
@final
class Continuation extends Task {
  private readonly id: u32;

  constructor(
    private readonly contexts: BundleContexts,
    private readonly walk: Walk,
  ) {
    super();
    this.id = contexts.id;
  }

  run(): void {
    // The contexts may serve another stream by now.
    if (this.contexts.id == this.id && setEffectiveContext(this.id) == Status.Ok) this.walk.continueNow();
  }
}

/** Made as the request comes to each filter; the places are those of the chain's order. */
@final
export class BundleContexts {
  /** The host's number for the stream. */
  id: u32 = 0;
  /** How many filters the request has come to: as in Envoy's chain, the response is not for the others. */
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

  /** Lets that direction of the stream go on when this callback has ended. */
  later(walk: Walk): void {
    this.roots[0].after(1, new Continuation(this, walk));
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
