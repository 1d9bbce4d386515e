// One way of a stream, through one filter: what the filter may hold, and what goes on when. By the rules of Envoy's filter manager.

import { DataStatus, HeadersStatus, TrailersStatus } from "./abi.js";
import { Body } from "./body.js";
import { HeaderMap } from "./header-map.js";

/** Where a way leads to: the upstream, or the client. */
export interface Sink {
  headers(map: HeaderMap, end: boolean): void;
  data(body: Body, end: boolean): void;
  trailers(map: HeaderMap): void;
}

/** The filter's callbacks for one way: they return what the module did. Those that it does not export are absent. */
export interface DirectionCallbacks {
  readonly headers: ((count: number, end: boolean) => number) | undefined;
  readonly body: ((size: number, end: boolean) => number) | undefined;
  readonly trailers: ((count: number) => number) | undefined;
}

export interface DirectionOptions {
  readonly callbacks: DirectionCallbacks;
  readonly sink: Sink;
  /** Bytes that the filter may hold. */
  readonly bufferLimit: number;
  readonly allowOnHeadersStopIteration: boolean;
  /** More came than may be held. */
  readonly onOverflow: () => void;
}

type State = "going-on" | "stopped" | "all-held" | "all-waiting";

export class Direction {
  /** What host calls may read and change now. */
  visibleHeaders: HeaderMap | undefined;
  visibleTrailers: HeaderMap | undefined;
  /** Nothing of this way is told to the filter, or passed on, any more. */
  isAborted = false;

  private state: State = "going-on";
  private headers: HeaderMap | undefined;
  private trailers: HeaderMap | undefined;
  private headersPassed = false;
  private ended = false;
  private chunk: Body | undefined;
  /** What is held, and whether the filter sees it as the body. */
  private held: Body | undefined;
  private showsHeld = false;

  constructor(private readonly options: DirectionOptions) {}

  get isPaused(): boolean {
    return this.state !== "going-on";
  }

  /** Whether headers came. */
  get hasBegun(): boolean {
    return this.headers !== undefined;
  }

  /** The headers as they are now, whether they were passed on or not. */
  get currentHeaders(): HeaderMap | undefined {
    return this.headers;
  }

  /** The buffer that host calls see, if any. */
  get visibleBody(): Body | undefined {
    return this.showsHeld ? this.held : this.chunk;
  }

  /** Trailers to change. In the callback of a body's last piece they are made where there are none. */
  editableTrailers(): HeaderMap | undefined {
    if (this.visibleTrailers === undefined && this.chunk !== undefined && this.ended) {
      this.trailers = new HeaderMap([]);
      this.visibleTrailers = this.trailers;
    }
    return this.visibleTrailers;
  }

  /** A resumption hides what a paused callback still showed. */
  hide(): void {
    this.visibleHeaders = undefined;
    this.visibleTrailers = undefined;
    this.chunk = undefined;
  }

  receiveHeaders(map: HeaderMap, end: boolean): void {
    this.headers = map;
    this.ended = end;
    const { callbacks, allowOnHeadersStopIteration } = this.options;
    let status: number = HeadersStatus.Continue;
    if (callbacks.headers !== undefined) {
      this.visibleHeaders = map;
      status = callbacks.headers(map.size, end);
    }
    if (status === HeadersStatus.StopIteration && allowOnHeadersStopIteration) this.state = "stopped";
    else if (status === HeadersStatus.StopAllIterationAndBuffer) this.state = "all-held";
    else if (status === HeadersStatus.Continue || status === 2) this.passHeaders(map, end);
    else this.state = "all-waiting";
  }

  private passHeaders(map: HeaderMap, end: boolean): void {
    this.visibleHeaders = undefined;
    if (this.isAborted) return;
    this.headersPassed = true;
    this.options.sink.headers(map, end);
  }

  receiveBody(bytes: Buffer, end: boolean): void {
    if (this.isAborted) return;
    if (end) this.ended = true;
    const body = new Body(bytes);
    if (this.state === "all-held" || this.state === "all-waiting") this.hold(body, this.state === "all-held");
    else this.deliverBody(body, end);
  }

  receiveTrailers(map: HeaderMap): void {
    if (this.isAborted) return;
    this.ended = true;
    this.trailers = map;
    if (this.state !== "all-held" && this.state !== "all-waiting") this.deliverTrailers(map);
  }

  /** Lets what was stopped go on. */
  resume(): void {
    if (this.isAborted || this.state === "going-on") return;
    const wasWhole = this.state === "all-held" || this.state === "all-waiting";
    this.state = "going-on";
    const { headers, trailers } = this;
    if (headers !== undefined && !this.headersPassed) {
      this.passHeaders(headers, this.ended && this.held === undefined && trailers === undefined);
    }
    const body = this.held;
    if (body !== undefined) {
      this.held = undefined;
      const end = this.ended && trailers === undefined;
      if (wasWhole) this.deliverBody(body, end);
      else this.options.sink.data(body, end);
    }
    if (trailers === undefined || this.isAborted) return;
    if (wasWhole) this.deliverTrailers(trailers);
    else this.options.sink.trailers(trailers);
  }

  private deliverBody(body: Body, end: boolean): void {
    if (this.showsHeld) {
      this.hold(body, true);
      if (this.isAborted) return;
    }
    this.chunk = body;
    const status = this.options.callbacks.body?.(this.visibleBody?.size ?? 0, end) ?? DataStatus.Continue;
    this.showsHeld = status === DataStatus.StopIterationAndBuffer;
    if (status === DataStatus.Continue) this.chunk = undefined;
    if (this.isAborted) return;
    if (status === DataStatus.Continue) this.passBody(body, end);
    else this.stopBody(body, status, end);
  }

  private passBody(body: Body, end: boolean): void {
    if (this.state !== "going-on") {
      this.hold(body, false);
      this.resume();
      return;
    }
    const { trailers } = this;
    const isAdded = end && trailers !== undefined;
    this.options.sink.data(body, end && !isAdded);
    if (isAdded) this.options.sink.trailers(trailers);
  }

  private stopBody(body: Body, status: number, end: boolean): void {
    this.state = "stopped";
    const holds =
      status === DataStatus.StopIterationAndBuffer || status === DataStatus.StopIterationAndWatermark;
    if (holds) this.hold(body, status === DataStatus.StopIterationAndBuffer);
    else if (end && this.held === undefined && this.trailers === undefined) this.held = new Body();
  }

  private deliverTrailers(map: HeaderMap): void {
    this.visibleTrailers = map;
    const status = this.options.callbacks.trailers?.(map.size) ?? TrailersStatus.Continue;
    if (status === TrailersStatus.Continue) this.visibleTrailers = undefined;
    if (this.isAborted) return;
    if (status !== TrailersStatus.Continue) this.state = "stopped";
    else if (this.state === "going-on") this.options.sink.trailers(map);
    else this.resume();
  }

  /** A sender can be made to wait (`isLimited` false); a filter that asked for the whole body cannot. */
  private hold(body: Body, isLimited: boolean): void {
    this.held ??= new Body();
    this.held.take(body);
    if (isLimited && this.held.size > this.options.bufferLimit) this.options.onOverflow();
  }
}
