// One way of a stream through its filters: what they hold, and what goes on when. By the rules of
// Envoy's filter manager.

import { DataStatus, HeadersStatus, TrailersStatus } from "./abi.js";
import { Body } from "./body.js";
import type { FilterSide } from "./filter-side.js";
import type { HeaderMap } from "./header-map.js";

/** Where a way leads to: the upstream, or the client. */
export interface Sink {
  /** It may send the body again, for which Envoy keeps it among what filters hold. */
  readonly keepsBody?: boolean;
  headers(map: HeaderMap, end: boolean): void;
  data(bytes: Buffer, end: boolean): void;
  trailers(map: HeaderMap): void;
}

/** What the stream does that a way belongs to. */
export interface WayOwner {
  /** Bytes that filters may hold. */
  readonly bufferLimit: number;
  /** More came than may be held. */
  onOverflow(way: Direction): void;
  /** A callback of this way has returned in which the way ended. */
  onAborted(): void;
  /** Nothing that is held goes on any more. */
  isDone(way: Direction): boolean;
}

/** Kinds of events whose callback runs. */
const HEADERS = 1;
const DATA = 2;
const TRAILERS = 4;

export class Direction {
  /** The headers as they are now, whether they were passed on or not. */
  headers: HeaderMap | undefined;
  /** The same for the trailers. */
  trailers: HeaderMap | undefined;
  /** Headers went out of the last filter. */
  headersPassed = false;
  /** Nothing of this way is told to a filter, or passed on, any more. */
  isAborted = false;
  /** What is held: one buffer for all filters. */
  held: Body | undefined;
  /** All of it came. */
  ended = false;

  /**
   * Of which kinds of events a callback runs. As in Envoy a callback within one of its kind leaves
   * nothing of it.
   */
  private running = 0;

  constructor(
    /** In the order in which this way meets them. */
    readonly filters: readonly FilterSide[],
    private readonly sink: Sink,
    private readonly owner: WayOwner,
  ) {}

  get isPaused(): boolean {
    return this.filters.some((filter) => filter.iteration !== "going-on");
  }

  /** A filter, or what follows the last, is being told of something. */
  get isRunning(): boolean {
    return this.running !== 0;
  }

  receiveHeaders(map: HeaderMap, end: boolean): void {
    this.headers = map;
    this.ended = end;
    this.iterateHeaders(0, map, end);
  }

  receiveBody(bytes: Buffer, end: boolean): void {
    if (this.isAborted) return;
    if (end) this.ended = true;
    this.iterateData(0, new Body(bytes), end);
  }

  receiveTrailers(map: HeaderMap): void {
    if (this.isAborted) return;
    this.ended = true;
    this.trailers = map;
    this.iterateTrailers(0, map);
  }

  /**
   * Lets what a filter stopped go on. Of one that stopped nothing, what it was told of goes on once
   * more, as in Envoy.
   */
  resume(filter: FilterSide): void {
    const { headers } = this;
    if (this.isAborted || headers === undefined || this.owner.isDone(this)) return;
    const next = this.filters.indexOf(filter) + 1;
    // A filter that was told of headers alone is told of what came since.
    if (filter.isAllStopped) filter.startsAgain = true;
    filter.iteration = "going-on";
    if (!filter.headersContinued) {
      filter.headersContinued = true;
      const end = this.ended && this.held === undefined && this.trailers === undefined;
      this.iterateHeaders(next, headers, end);
    }
    const { trailers } = this;
    const end = this.ended && trailers === undefined;
    if (this.held !== undefined) this.iterateData(next - (filter.startsAgain ? 1 : 0), this.held, end);
    if (trailers !== undefined) this.iterateTrailers(next - (filter.startsAgain ? 1 : 0), trailers);
    filter.startsAgain = false;
  }

  /**
   * A sender can be made to wait (`isLimited` false); a filter that asked for the whole body
   * cannot.
   */
  hold(body: Body, isLimited: boolean): void {
    if (body !== this.held) {
      this.held ??= new Body();
      this.held.take(body);
    }
    if (isLimited && this.held.size > this.owner.bufferLimit) this.owner.onOverflow(this);
  }

  private iterateHeaders(from: number, map: HeaderMap, end: boolean): void {
    const { filters } = this;
    if (this.isAborted) return;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i] as FilterSide;
      filter.endOfStream = end;
      this.running |= HEADERS;
      const status = filter.onHeaders(map, end);
      if (this.hasStopped(HEADERS)) return;
      // A callback may let its own stream go on, and stop it all the same.
      if (status === HeadersStatus.StopIteration && filter.mayStopHeadersAlone) filter.iteration = "stopped";
      else if (status === HeadersStatus.StopAllIterationAndBuffer) filter.iteration = "all-held";
      else if (status === HeadersStatus.Continue || status === 2) {
        filter.headersContinued = true;
        continue;
      } else filter.iteration = "all-waiting";
      return;
    }
    this.headersPassed = true;
    this.running |= HEADERS;
    this.sink.headers(map, end);
    this.hasStopped(HEADERS);
  }

  /** A callback has returned: whether nothing follows it. */
  private hasStopped(kind: number): boolean {
    this.running &= ~kind;
    if (this.isAborted) this.owner.onAborted();
    return this.isAborted;
  }

  private iterateData(from: number, body: Body, isLast: boolean): void {
    const { filters } = this;
    if (this.isAborted) return;
    const hadTrailers = this.trailers !== undefined;
    let end = isLast;
    let trailersFrom = 0;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i] as FilterSide;
      if (filter.isAllStopped) {
        this.hold(body, filter.iteration === "all-held");
        return;
      }
      if (filter.endOfStream) return;
      filter.endOfStream = end && this.trailers === undefined;
      this.running |= DATA;
      const status = filter.onBody(body, filter.endOfStream);
      if (this.hasStopped(DATA)) return;
      if (!hadTrailers && trailersFrom === 0 && this.trailers !== undefined) {
        end = false;
        trailersFrom = i + 1;
      }
      if (!this.goesOn(filter, body, status)) return;
    }
    this.passBody(body, end);
    if (trailersFrom > 0 && this.trailers !== undefined) this.iterateTrailers(trailersFrom, this.trailers);
  }

  private passBody(body: Body, end: boolean): void {
    const keeps = this.sink.keepsBody ?? false;
    this.running |= DATA;
    this.sink.data(keeps ? body.bytes() : body.drain(), end);
    if (keeps) this.hold(body, false);
    this.hasStopped(DATA);
  }

  /** Does what a body callback asked for. False where the next filter gets nothing now. */
  private goesOn(filter: FilterSide, body: Body, status: number): boolean {
    if (status === DataStatus.Continue) {
      if (filter.iteration === "going-on") return true;
      this.hold(body, false);
      this.resume(filter);
      return false;
    }
    filter.iteration = "stopped";
    const isBuffered = status === DataStatus.StopIterationAndBuffer;
    if (isBuffered || status === DataStatus.StopIterationAndWatermark) this.hold(body, isBuffered);
    // So that an end without bytes is not lost.
    else if (this.ended && this.trailers === undefined) this.held ??= new Body();
    return false;
  }

  private iterateTrailers(from: number, map: HeaderMap): void {
    const { filters } = this;
    if (this.isAborted) return;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i] as FilterSide;
      if (filter.isAllStopped) return;
      this.running |= TRAILERS;
      const status = filter.onTrailers(map);
      filter.endOfStream = true;
      if (this.hasStopped(TRAILERS)) return;
      if (status !== TrailersStatus.Continue) {
        filter.iteration = "stopped";
        return;
      }
      if (filter.iteration !== "going-on") {
        this.resume(filter);
        return;
      }
    }
    this.running |= TRAILERS;
    this.sink.trailers(map);
    this.hasStopped(TRAILERS);
  }
}
