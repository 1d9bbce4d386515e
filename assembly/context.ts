// What a filter's author extends. Every method has a default, so a filter implements only what it
// needs. The host calls a method only when the filter's entry file exports the callback of that
// name (`assembly/exports/`).

import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterStatus,
  FilterTrailersStatus,
  PeerType,
  Status,
  StreamType,
} from "./abi/types";
import { bundleLink } from "./bundle-link";
import { ALL_CALLBACKS } from "./callbacks";
import { closeStream, continueStream, finish, setEffectiveContext } from "./host/stream-control";
import { Task, Ticker, Timer, Timers } from "./host/timers";
import { Bytes } from "./text/bytes";

const NO_NAME = Bytes.owned(0);

/** Contexts of ended streams, ready for other streams, linked by `nextFree`. */
@final
export class ContextPool {
  private free: HttpContext | null = null;

  /** A free context, or `null`. */
  take(): HttpContext | null {
    const context = this.free;
    if (!context) return null;
    this.free = context.nextFree;
    context.nextFree = null;
    return context;
  }

  put(context: HttpContext): void {
    context.nextFree = this.free;
    this.free = context;
  }
}

/**
 * One plugin: one filter with one configuration on one worker. Holds the compiled configuration;
 * never put that in a module global.
 */
export abstract class RootContext {
  /**
   * The plugin's name in Envoy's configuration; in a bundle every filter has the bundle's. It tells
   * the plugin from others with which it shares a VM or shared data. Known from `onConfigure` on;
   * empty if the host knows no name.
   */
  pluginName: Bytes = NO_NAME;
  /** For the dispatcher: a configuration was accepted, so that the plugin serves streams. */
  accepted: bool = false;
  /**
   * The callbacks that the accepted configuration needs, as bits of `Callback`. `FilterRoot` sets
   * them.
   */
  needed: u32 = ALL_CALLBACKS;
  private timers: Timers | null = null;
  /** Calls `onTick` when a period is set. */
  private ticker: Ticker | null = null;

  constructor(
    /** The host's number for this context. */
    readonly id: u32,
  ) {}

  /**
   * The VM starts. `configuration` is the VM's, not the plugin's, and is valid only during this
   * call.
   * @returns false to end the VM, after a log line that says why.
   */
  onStart(configuration: Bytes): bool {
    return true;
  }

  /**
   * Compiles the configuration. `configuration` is valid only during this call.
   * @returns false to refuse it, after a log line that says why; a running Envoy then keeps the
   * last good one.
   */
  onConfigure(configuration: Bytes): bool {
    return true;
  }

  /** A tick of the period that `setTickPeriod` set. */
  onTick(): void {}

  /** An entry was added to a shared queue that this root registered. */
  onQueueReady(queue: u32): void {}

  /** Envoy's own code calls the filter. `data` is valid only during this call. */
  onForeignFunction(id: u32, data: Bytes): void {}

  /** The plugin is to end. With false it lives on until `done`. */
  onDone(): bool {
    return true;
  }

  /** Ends a plugin whose `onDone` returned false. */
  done(): Status {
    const bundle = bundleLink();
    if (bundle) return bundle.rootDone(this.id);
    setEffectiveContext(this.id);
    return finish();
  }

  /** A context for a new stream. */
  createHttpContext(): HttpContext {
    return new HttpContext();
  }

  /**
   * The one context that serves all streams, in a filter without state per stream.
   * `createHttpContext` is then never called.
   */
  sharedHttpContext(): HttpContext | null {
    return null;
  }

  /** A context for a new connection, in a network filter. */
  createTcpContext(): TcpContext {
    return new TcpContext();
  }

  /**
   * Runs `task` after `ms` milliseconds, at least 1, in the root's context. A task that acts on a
   * stream first calls that stream's `activate`. The host ticks only while a timer waits. Needs the
   * callback `proxy_on_tick`.
   */
  after(ms: u32, task: Task): Timer {
    return this.ownTimers().after(ms, task);
  }

  /** Calls `onTick` every `ms` milliseconds; 0 ends that. */
  setTickPeriod(ms: u32): void {
    const ticker = this.ticker;
    if (ticker) ticker.end();
    this.ticker = ms > 0 ? new RootTicker(this.ownTimers(), ms, this) : null;
  }

  /** For the dispatcher: the host ticked. */
  runTimers(): void {
    const timers = this.timers;
    if (timers) timers.run();
  }

  private ownTimers(): Timers {
    const known = this.timers;
    if (known) return known;
    const bundle = bundleLink();
    const timers = bundle ? bundle.timersOf(this.id) : new Timers(this.id);
    this.timers = timers;
    return timers;
  }

  private pool: ContextPool = new ContextPool();

  /** For the dispatcher: the shared context, one from the pool, or a new one. */
  takeContext(): HttpContext {
    const shared = this.sharedHttpContext();
    if (shared) return shared;
    const pool = this.pool;
    const pooled = pool.take();
    if (pooled) return pooled;
    const context = this.createHttpContext();
    context.pool = pool;
    return context;
  }

  /** New streams get new contexts: the existing ones know another configuration. */
  protected dropPool(): void {
    this.pool = new ContextPool();
  }
}

/** Calls a root's `onTick` again and again. */
@final
class RootTicker extends Ticker {
  constructor(
    timers: Timers,
    period: u32,
    private readonly root: RootContext,
  ) {
    super(timers, period);
  }

  protected override tick(): void {
    this.root.onTick();
  }
}

/**
 * One HTTP request and its response. By default everything passes. A header map can be read and
 * written in its own callback, and while that callback pauses the stream. Once the callback has let
 * the headers go on, the map can be read again only in `onLog`.
 */
export class HttpContext {
  /** The host's number for this stream; 0 in a context that serves all streams. */
  id: u32 = 0;
  /** In a bundle: the place of its filter. */
  place: i32 = 0;
  /**
   * For the dispatcher: the pool that this context goes back to, and the next free one in it. A
   * context that serves all streams has no pool.
   */
  pool: ContextPool | null = null;
  nextFree: HttpContext | null = null;

  /**
   * Request headers arrived.
   * @param headers how many there are.
   * @param endOfStream no body and no trailers follow.
   */
  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }

  /**
   * A piece of the request's body arrived: `requestBody` reads and changes it.
   * @param size bytes that `requestBody` has now: this piece, and all bytes held before it.
   * @param endOfStream this is the last piece, and no trailers follow.
   */
  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    return FilterDataStatus.Continue;
  }

  /** The request's trailers arrived, after the last piece of its body. */
  onRequestTrailers(trailers: u32): FilterTrailersStatus {
    return FilterTrailersStatus.Continue;
  }

  /**
   * Response headers arrived, from the upstream or from a local reply. Parameters as in
   * `onRequestHeaders`.
   */
  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }

  /** A piece of the response's body arrived: `responseBody`. Parameters as in `onRequestBody`. */
  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    return FilterDataStatus.Continue;
  }

  /** The response's trailers arrived. */
  onResponseTrailers(trailers: u32): FilterTrailersStatus {
    return FilterTrailersStatus.Continue;
  }

  /**
   * The stream ended, or was reset. With false the context lives on after the stream until `done`,
   * but Envoy ends it anyway.
   */
  onDone(): bool {
    return true;
  }

  /**
   * The stream is written to the access log: headers, trailers and properties can still be read.
   */
  onLog(): void {}

  /**
   * The stream is gone. A filter that clears every field here may return true: the object then
   * serves another stream, and a stream costs no allocation. With false, the default, the collector
   * takes the object, so that no stream can see anything of another. Cancel the stream's timers
   * here: a task that keeps a context that serves again would act on the wrong stream. Its calls
   * are already dropped.
   */
  onRecycle(): bool {
    return false;
  }

  /**
   * Makes the host calls that follow be about this stream, in a callback of something else.
   * `BadArgument` when the stream is gone.
   */
  activate(): Status {
    return this.id == 0 ? Status.BadArgument : setEffectiveContext(this.id);
  }

  /** Lets a request that this filter paused go on. From any callback. */
  resumeRequest(): Status {
    return this.resume(StreamType.Request);
  }

  /** Lets a response that this filter paused go on. From any callback. */
  resumeResponse(): Status {
    return this.resume(StreamType.Response);
  }

  /**
   * Breaks the stream off: the client's connection ends (HTTP/1.1), or its stream is reset
   * (HTTP/2). What has passed a moment before may not reach the client. From any callback but
   * `onDone`, `onLog` and `onRecycle`, in which Envoy would crash.
   */
  reset(): Status {
    const status = this.activate();
    return status == Status.Ok ? closeStream(StreamType.Response) : status;
  }

  /**
   * Ends a context whose `onDone` returned false. In Envoy `BadArgument`, because the context is
   * already gone.
   */
  done(): Status {
    const status = this.activate();
    if (status != Status.Ok) return status;
    const bundle = bundleLink();
    return bundle ? bundle.streamDone(this.id) : finish();
  }

  private resume(type: StreamType): Status {
    const status = this.activate();
    if (status != Status.Ok) return status;
    const bundle = bundleLink();
    return bundle ? bundle.resume(this.id, this.place, type) : continueStream(type);
  }

  /** For the dispatcher: the stream is gone. */
  release(): void {
    const pool = this.pool;
    if (!pool) return;
    this.id = 0;
    if (this.onRecycle()) pool.put(this);
  }
}

/** One connection, in a network filter. By default everything passes. */
export class TcpContext {
  /** The host's number for this connection. */
  id: u32 = 0;

  onNewConnection(): FilterStatus {
    return FilterStatus.Continue;
  }

  /**
   * The client sent something: `downstreamData` reads and changes it. With `StopIteration` the data
   * is held, and seen again before the data that follows.
   * @param size bytes that `downstreamData` has now.
   * @param endOfStream the client will send no more.
   */
  onDownstreamData(size: u32, endOfStream: bool): FilterStatus {
    return FilterStatus.Continue;
  }

  /** The upstream sent something: `upstreamData`. Parameters as in `onDownstreamData`. */
  onUpstreamData(size: u32, endOfStream: bool): FilterStatus {
    return FilterStatus.Continue;
  }

  /** The client's connection closed. */
  onDownstreamClose(peer: PeerType): void {}

  /** The upstream sends no more. Envoy does not know who ended that: `Unknown`. */
  onUpstreamClose(peer: PeerType): void {}

  /** The connection ended. With false the context lives on until `done`. */
  onDone(): bool {
    return true;
  }

  onLog(): void {}

  /** The connection is gone. */
  onDelete(): void {}

  /**
   * Makes the host calls that follow be about this connection, in a callback of something else.
   * `BadArgument` when it is gone.
   */
  activate(): Status {
    return this.id == 0 ? Status.BadArgument : setEffectiveContext(this.id);
  }

  /**
   * Resumes the client's data that `onDownstreamData` held: it goes to the next filter, and this
   * one does not see it again. The upstream's data cannot be resumed (`Unimplemented`): it goes on
   * with a `Continue` when more of it arrives.
   * @param type `Downstream`.
   */
  resume(type: StreamType): Status {
    const status = this.activate();
    return status == Status.Ok ? continueStream(type) : status;
  }

  /**
   * Closes the client's connection, once what was written to it is sent; Envoy does the same for
   * either `type`.
   */
  close(type: StreamType): Status {
    const status = this.activate();
    return status == Status.Ok ? closeStream(type) : status;
  }

  done(): Status {
    const status = this.activate();
    return status == Status.Ok ? finish() : status;
  }
}
