// One filter in one direction of a stream: what it was told, and what host calls may read and
// change.

import { DataStatus, HeadersStatus, TrailersStatus } from "./abi.js";
import type { Body } from "./body.js";
import type { Direction } from "./direction.js";
import { HeaderMap } from "./header-map.js";
import type { HttpContext } from "./http-context.js";

/**
 * `stopped` holds what comes after the current event. The two others also hold back the filter's
 * own callbacks.
 */
export type Iteration = "going-on" | "stopped" | "all-held" | "all-waiting";

export class FilterSide {
  iteration: Iteration = "going-on";
  headersContinued = false;
  /** Whether a resumption starts with this filter instead of the next. */
  startsAgain = false;
  /** Whether the filter was told of the end. */
  endOfStream = false;
  /** What host calls may read and change now. */
  visibleHeaders: HeaderMap | undefined;
  visibleTrailers: HeaderMap | undefined;

  private chunk: Body | undefined;
  /** Whether the filter sees the held bytes as the body. */
  private showsHeld = false;

  constructor(
    private readonly context: HttpContext,
    private readonly isRequest: boolean,
  ) {}

  /** Whether its own callbacks wait as well. */
  get isAllStopped(): boolean {
    return this.iteration === "all-held" || this.iteration === "all-waiting";
  }

  get mayStopHeadersAlone(): boolean {
    return this.context.root.allowOnHeadersStopIteration;
  }

  /** The buffer that host calls see, if any. */
  get visibleBody(): Body | undefined {
    return this.showsHeld ? this.way.held : this.chunk;
  }

  /**
   * Trailers to change. In the callback for a body's last piece they are created if there are none.
   */
  editableTrailers(): HeaderMap | undefined {
    if (this.visibleTrailers === undefined && this.chunk !== undefined && this.endOfStream) {
      this.way.trailers = new HeaderMap([]);
      this.visibleTrailers = this.way.trailers;
    }
    return this.visibleTrailers;
  }

  /** Hides what a paused callback still showed. A resumption does this. */
  hide(): void {
    this.visibleHeaders = undefined;
    this.visibleTrailers = undefined;
    this.chunk = undefined;
  }

  /** A response that is not held stays as it is. Envoy itself would end in a segmentation fault. */
  resume(): void {
    if (this.isRequest || this.iteration !== "going-on") this.way.resume(this);
  }

  onHeaders(map: HeaderMap, end: boolean): number {
    const { context, isRequest } = this;
    if (isRequest) context.create();
    if (!context.isCreated || context.isEnded) return HeadersStatus.Continue;
    this.visibleHeaders = map;
    const name = isRequest ? "proxy_on_request_headers" : "proxy_on_response_headers";
    const status = context.call(name, map.size, end ? 1 : 0);
    if (status === HeadersStatus.Continue || status === 2) this.visibleHeaders = undefined;
    return status;
  }

  onBody(body: Body, end: boolean): number {
    const { context, isRequest } = this;
    if (!context.isCreated) return DataStatus.Continue;
    if (this.showsHeld) {
      this.way.hold(body, true);
      if (this.way.isAborted) return DataStatus.StopIterationNoBuffer;
    }
    this.chunk = body;
    const name = isRequest ? "proxy_on_request_body" : "proxy_on_response_body";
    const status = context.call(name, this.visibleBody?.size ?? 0, end ? 1 : 0);
    this.showsHeld = status === DataStatus.StopIterationAndBuffer;
    if (status === DataStatus.Continue) this.chunk = undefined;
    return status;
  }

  onTrailers(map: HeaderMap): number {
    const { context, isRequest } = this;
    if (!context.isCreated) return TrailersStatus.Continue;
    this.visibleTrailers = map;
    const name = isRequest ? "proxy_on_request_trailers" : "proxy_on_response_trailers";
    const status = context.call(name, map.size);
    if (status === TrailersStatus.Continue) this.visibleTrailers = undefined;
    return status;
  }

  private get way(): Direction {
    const { stream } = this.context;
    return this.isRequest ? stream.request : stream.response;
  }
}
