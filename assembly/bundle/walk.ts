// One direction of a stream on its way through a bundle's filters. It follows Envoy's filter
// manager: a filter that stops the stream stops it at its place. A held body is one buffer for all
// filters. When the filter lets the stream go on, the next one gets the headers, then the held
// bytes, then the trailers. Only what has passed every filter goes on to the host.
//
// Source: https://github.com/envoyproxy/envoy/blob/v1.39.3/source/common/http/filter_manager.cc

import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus, Status } from "../abi/types";
import { setEffectiveContext } from "../host/stream-control";
import { Task } from "../host/timers";
import { BundleContexts } from "./contexts";
import { HeldBody } from "./held-body";
import { Iteration, Place } from "./place";

/** Used as a place: the whole direction. */
const WHOLE: i32 = -1;

/**
 * How often filters have answered with a local reply. It shows whether the filter just called did.
 */
let replies: u32 = 0;

/** A filter has answered with a local reply. */
export function countReply(): void {
  replies++;
}

/** Resumes a direction, or a filter's place in it, at the next tick. */
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

  override run(): void {
    // The contexts may serve another stream by now.
    if (this.contexts.id != this.id || setEffectiveContext(this.id) != Status.Ok) return;
    if (this.place == WHOLE) this.walk.continueNow();
    else this.walk.resume(this.place);
  }
}

/**
 * The way of one stream in one direction. Places count from where the direction enters the bundle.
 */
export abstract class Walk {
  /** How many places this direction passes. */
  protected count: i32 = 0;
  private readonly places: StaticArray<Place>;

  private headersSeen: bool = false;
  private headers: u32 = 0;
  private trailersSeen: bool = false;
  private trailers: u32 = 0;
  /** All of the direction has arrived. */
  private complete: bool = false;
  /** A filter has answered: nothing goes on in this direction. */
  private ended: bool = false;

  /** Whether the host was stopped at the headers, and whether at the body. */
  private headersStopped: bool = false;
  private bodyStopped: bool = false;
  /** Why the walk stopped last, as the host is told. */
  private headersStop: FilterHeadersStatus = FilterHeadersStatus.StopIteration;
  private dataStop: FilterDataStatus = FilterDataStatus.StopIterationNoBuffer;

  /** The place whose filter is being called; -1 if none is. */
  private calling: i32 = -1;
  /** That filter resumed the direction within its own callback. */
  private resumedWithin: bool = false;

  constructor(
    protected readonly contexts: BundleContexts,
    private readonly body: HeldBody,
  ) {
    this.places = new StaticArray<Place>(contexts.size);
    for (let i = 0; i < contexts.size; i++) this.places[i] = new Place();
  }

  protected abstract callHeaders(place: i32, headers: u32, endOfStream: bool): FilterHeadersStatus;
  protected abstract callBody(place: i32, size: u32, endOfStream: bool): FilterDataStatus;
  protected abstract callTrailers(place: i32, trailers: u32): FilterTrailersStatus;
  /** Whether the filter at that place has a body callback. */
  protected abstract wantsBody(place: i32): bool;
  protected abstract continueHost(): Status;

  reset(): void {
    for (let i = 0; i < this.places.length; i++) unchecked(this.places[i]).reset();
    this.headersSeen = false;
    this.trailersSeen = false;
    this.complete = false;
    this.ended = false;
    this.body.reset();
    this.headersStopped = false;
    this.bodyStopped = false;
  }

  /** Ends the direction: nothing in it goes on any more. */
  end(): void {
    this.ended = true;
  }

  onHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.headersSeen = true;
    this.headers = headers;
    this.complete = endOfStream;
    if (this.walkHeaders(0, endOfStream)) return FilterHeadersStatus.Continue;
    this.headersStopped = true;
    return this.headersStop;
  }

  onBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (!this.headersSeen) this.passHeaders();
    if (endOfStream) this.complete = true;
    this.body.arrive(size);
    if (!this.ended && this.walkData(0, false, endOfStream)) {
      this.letGo();
      return FilterDataStatus.Continue;
    }
    return this.stopData();
  }

  onTrailers(trailers: u32): FilterTrailersStatus {
    if (!this.headersSeen) this.passHeaders();
    this.trailersSeen = true;
    this.trailers = trailers;
    this.complete = true;
    this.body.measure();
    if (this.ended || !this.walkTrailers(0)) return FilterTrailersStatus.StopIteration;
    if (this.headersStopped && this.bodyStopped) {
      // Envoy may be within the same resumption of the headers, and would then lose the body. It
      // must leave that first.
      this.later(WHOLE);
      return FilterTrailersStatus.StopIteration;
    }
    this.letGo();
    return FilterTrailersStatus.Continue;
  }

  /** Resumes the direction, or the filter at that place in it, after this callback has ended. */
  private later(place: i32): void {
    this.contexts.later(new Continuation(this.contexts, this, place));
  }

  /** Lets everything that has passed every filter go on. */
  continueNow(): Status {
    this.letGo();
    return this.continueHost();
  }

  /**
   * The filter at that place lets go on what it stopped. If it stopped nothing, nothing happens.
   */
  resume(place: i32): Status {
    if (place < 0 || place >= this.count || this.ended) return Status.Ok;
    if (place == this.calling) {
      this.resumedWithin = true;
      return Status.Ok;
    }
    if (this.places[place].iteration == Iteration.Continue) return Status.Ok;
    if (this.contexts.isElsewhere) {
      this.later(place);
      return Status.Ok;
    }
    this.body.measure();
    return this.continueFrom(place) ? this.continueNow() : Status.Ok;
  }

  /** A bundle without a headers callback gets no call for headers. */
  private passHeaders(): void {
    this.headersSeen = true;
    for (let i = 0; i < this.count; i++) this.places[i].headersContinued = true;
  }

  /** The host takes the bytes that it holds. */
  private letGo(): void {
    this.body.letGo();
    this.bodyStopped = false;
  }

  /** @returns whether the headers have passed every filter. */
  private walkHeaders(from: i32, endOfStream: bool): bool {
    for (let i = from; i < this.count; i++) {
      const place = unchecked(this.places[i]);
      const before = this.enter(i);
      const status = this.callHeaders(i, this.headers, endOfStream);
      if (this.leave(before)) {
        this.headersStop = FilterHeadersStatus.StopIteration;
        return false;
      }
      // The host, too, treats `ContinueAndEndStream` like `Continue`.
      const passes =
        status == FilterHeadersStatus.Continue || status == FilterHeadersStatus.ContinueAndEndStream;
      if (passes || this.resumedWithin) {
        place.headersContinued = true;
        continue;
      }
      place.iteration = status == FilterHeadersStatus.StopIteration ? Iteration.StopOne : Iteration.StopAll;
      this.headersStop = status;
      return false;
    }
    return true;
  }

  /**
   * @param whole the filters get all held bytes, not only the piece that has just arrived
   * @returns whether it has passed every filter
   */
  private walkData(from: i32, whole: bool, endOfStream: bool): bool {
    for (let i = from; i < this.count; i++) {
      const place = unchecked(this.places[i]);
      if (place.iteration == Iteration.StopAll) {
        this.body.hold();
        this.dataStop = FilterDataStatus.StopIterationAndBuffer;
        return false;
      }
      if (!this.wantsBody(i) && place.iteration == Iteration.Continue) continue;
      const status = this.offerBody(i, place, whole || place.buffering, endOfStream);
      if (this.ended) return false;
      if (status != FilterDataStatus.Continue) {
        this.stopAt(i, place, status);
        return false;
      }
      if (place.iteration == Iteration.StopOne) {
        this.body.hold();
        return this.continueFrom(i);
      }
    }
    this.body.pass();
    return true;
  }

  private offerBody(i: i32, place: Place, whole: bool, endOfStream: bool): FilterDataStatus {
    if (!this.wantsBody(i)) return FilterDataStatus.Continue;
    const body = this.body;
    const before = this.enter(i);
    let status = this.callBody(i, body.show(whole), endOfStream);
    body.unhide();
    if (this.leave(before)) return FilterDataStatus.StopIterationNoBuffer;
    if (this.resumedWithin) status = FilterDataStatus.Continue;
    place.buffering = status == FilterDataStatus.StopIterationAndBuffer;
    if (i + 1 < this.count || status != FilterDataStatus.Continue) body.changed(whole);
    return status;
  }

  private stopAt(i: i32, place: Place, status: FilterDataStatus): void {
    place.iteration = Iteration.StopOne;
    if (status != FilterDataStatus.StopIterationNoBuffer) this.body.hold();
    // Whoever resumes also passes on the end of the stream.
    else if (this.complete && !this.trailersSeen) this.body.exists = true;
    // A later filter will have to read the held bytes, and the host shows only bytes that it was
    // told to buffer.
    const watermark = status == FilterDataStatus.StopIterationAndWatermark;
    this.dataStop =
      watermark && this.bodyWantedFrom(i + 1) ? FilterDataStatus.StopIterationAndBuffer : status;
  }

  private bodyWantedFrom(from: i32): bool {
    for (let i = from; i < this.count; i++) {
      if (this.wantsBody(i)) return true;
    }
    return false;
  }

  /** What the host is told when the data did not pass. */
  private stopData(): FilterDataStatus {
    this.bodyStopped = true;
    if (this.ended) return FilterDataStatus.StopIterationNoBuffer;
    const drops = this.dataStop == FilterDataStatus.StopIterationNoBuffer;
    const buffers = this.dataStop == FilterDataStatus.StopIterationAndBuffer;
    return this.body.stop(drops, buffers) ? FilterDataStatus.StopIterationAndBuffer : this.dataStop;
  }

  /** @returns whether the trailers have passed every filter. */
  private walkTrailers(from: i32): bool {
    for (let i = from; i < this.count; i++) {
      const place = unchecked(this.places[i]);
      if (place.iteration == Iteration.StopAll) return false;
      const before = this.enter(i);
      // A filter alone in its module reads here the bytes that it held itself.
      if (place.buffering) this.body.show(true);
      else this.body.hide();
      const status = this.callTrailers(i, this.trailers);
      this.body.unhide();
      if (this.leave(before)) return false;
      if (status != FilterTrailersStatus.Continue && !this.resumedWithin) {
        place.iteration = Iteration.StopOne;
        return false;
      }
      if (place.iteration == Iteration.StopOne) {
        // The filter may have changed the held bytes.
        this.body.measure();
        return this.continueFrom(i);
      }
    }
    return true;
  }

  /** @returns whether everything that has arrived so far has passed every filter. */
  private continueFrom(from: i32): bool {
    const place = unchecked(this.places[from]);
    // A filter that stopped everything has not seen what arrived since.
    const next = place.iteration == Iteration.StopAll ? from : from + 1;
    const hadTrailers = this.trailersSeen;
    place.iteration = Iteration.Continue;
    let passed: bool = true;
    if (!place.headersContinued) {
      place.headersContinued = true;
      passed = this.walkHeaders(from + 1, this.complete && !this.body.exists && !hadTrailers);
    }
    if (this.body.exists && !this.ended) passed = this.walkData(next, true, this.complete && !hadTrailers);
    if (hadTrailers && !this.ended) passed = this.walkTrailers(next);
    return passed && !this.ended;
  }

  /** @returns how often filters have answered so far, for `leave`. */
  private enter(place: i32): u32 {
    this.calling = place;
    this.resumedWithin = false;
    return replies;
  }

  /** @returns whether the filter has answered, which ends the walk. */
  private leave(before: u32): bool {
    this.calling = -1;
    this.contexts.reenter();
    if (replies != before) this.ended = true;
    return this.ended;
  }
}
