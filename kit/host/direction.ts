// One direction of a stream through its filters: what they hold, and when it goes on. The rules are
// those of Envoy's filter manager.

import { DataStatus, HeadersStatus, TrailersStatus } from "./abi.js";
import { Body } from "./body.js";
import type { FilterSide } from "./filter-side.js";
import type { HeaderMap } from "./header-map.js";

/** The end of a direction: the upstream, or the client. */
export interface Sink {
  /**
   * Whether it may send the body again. Envoy keeps such a body with the bytes that filters hold.
   */
  readonly keepsBody?: boolean;
  headers(map: HeaderMap, end: boolean): void;
  data(bytes: Buffer, end: boolean): void;
  trailers(map: HeaderMap): void;
}

/** The stream's part in a direction that belongs to it. */
export interface WayOwner {
  /** How many bytes filters may hold. */
  readonly bufferLimit: number;
  /** Called when more bytes came than filters may hold. */
  onOverflow(way: Direction): void;
  /** Called when a callback of this direction has returned after the direction ended in it. */
  onAborted(): void;
  /** Whether held events never go on again. */
  isDone(way: Direction): boolean;
}

/** Kinds of events, as bits: those whose callback runs. */
const HEADERS = 1;
const DATA = 2;
const TRAILERS = 4;

export class Direction {
  /** The current headers, whether they were passed on or not. */
  headers: HeaderMap | undefined;
  /** The current trailers, likewise. */
  trailers: HeaderMap | undefined;
  /** Whether headers have left the last filter. */
  headersPassed = false;
  /** Whether events of this direction reach no filter and are not passed on any more. */
  isAborted = false;
  /** The held bytes: one buffer for all filters. */
  held: Body | undefined;
  /** Whether everything has come. */
  ended = false;

  /**
   * The kinds of events for which a callback runs. As in Envoy, when a callback returns within
   * another of its kind, that kind counts as not running.
   */
  private running = 0;

  constructor(
    /** In the order in which this direction meets them. */
    readonly filters: readonly FilterSide[],
    private readonly sink: Sink,
    private readonly owner: WayOwner,
  ) {}

  get isPaused(): boolean {
    return this.filters.some((filter) => filter.iteration !== "going-on");
  }

  /** Whether a callback runs, of a filter or of what follows the last one. */
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
   * Continues what a filter stopped. If it stopped nothing, the event that it was told of goes on
   * once more, as in Envoy.
   */
  resume(filter: FilterSide): void {
    const { headers } = this;
    if (this.isAborted || headers === undefined || this.owner.isDone(this)) return;
    const next = this.filters.indexOf(filter) + 1;
    // A filter that was told only of headers is also told of what came since.
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
   * A sender can be made to wait (`isLimited` false). A filter that asked for the whole body
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
      // A callback may continue its own stream and still return a status that stops it.
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

  /** Called when a callback has returned. Returns whether the direction has ended. */
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

  /** Does what a body callback asked for. Returns false when the next filter gets nothing now. */
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
    // Keeps an end without bytes from being lost.
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
