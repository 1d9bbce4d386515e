// What a filter author extends. Every method has a default, so that a filter writes only what it does. The host calls a method only when the
// filter's entry file exports the callback of that name (`assembly/exports/`).

import { FilterHeadersStatus } from "./abi/types";
import { Bytes } from "./text/bytes";

/** One plugin: one filter with one configuration on one worker. Holds the compiled configuration; never put that in a module global. */
export abstract class RootContext {
  constructor(
    /** The host's number for this context. */
    readonly id: u32,
  ) {}

  /**
   * Compiles the configuration. `configuration` is valid only during this call.
   * @returns false to refuse it, after a log line that says why; a running Envoy then keeps the last good one.
   */
  onConfigure(configuration: Bytes): bool {
    return true;
  }

  /** A context for a new stream; in a filter without state per stream the one context that serves them all, made in advance. */
  abstract createHttpContext(): HttpContext;

  /** Contexts of ended streams that may serve again, linked by `nextFree`. */
  private free: HttpContext | null = null;

  /** For the dispatcher: a context from the pool, or a new one. */
  takeContext(): HttpContext {
    const pooled = this.free;
    if (pooled) {
      this.free = pooled.nextFree;
      pooled.nextFree = null;
      return pooled;
    }
    const context = this.createHttpContext();
    context.pool = this;
    return context;
  }

  /** For the dispatcher: puts back a context that was recycled. */
  putContext(context: HttpContext): void {
    context.nextFree = this.free;
    this.free = context;
  }
}

/** One HTTP request and its response. As it is, it lets everything pass. */
export class HttpContext {
  /** For the dispatcher: the next free context in the root's pool, and the root whose pool that is. */
  nextFree: HttpContext | null = null;
  pool: RootContext | null = null;

  /**
   * Request headers arrived.
   * @param headers how many there are.
   * @param endOfStream no body and no trailers follow.
   */
  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }

  /** Response headers arrived, from the upstream or from a local reply. Parameters as in `onRequestHeaders`. */
  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }

  /**
   * The stream is gone. A filter that clears every field here may return true: the object then serves another stream, and a stream costs no
   * allocation. With false, the default, it is left to the collector, so that nothing of one stream can be seen by another.
   */
  onRecycle(): bool {
    return false;
  }

  /** For the dispatcher: the stream is gone. */
  release(): void {
    const pool = this.pool;
    if (pool && this.onRecycle()) pool.putContext(this);
  }
}
