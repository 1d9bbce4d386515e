// One stream of a bundle: each callback of the bundle is passed to its filters in turn.

import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  Status,
  StreamType,
} from "../abi/types";
import { Callback } from "../callbacks";
import { HttpContext, RootContext } from "../context";
import { finish } from "../host/stream-control";
import { BundleContexts } from "./contexts";
import { RequestWalk, ResponseWalk } from "./directions";
import { BundlePlan } from "./plan";

/** Several filters on one stream. */
@final
export class BundleChain {
  private readonly request: RequestWalk;
  private readonly response: ResponseWalk;
  /** Filters whose `onDone` returned false. */
  private unfinished: i32 = 0;

  constructor(readonly contexts: BundleContexts) {
    this.request = new RequestWalk(contexts);
    this.response = new ResponseWalk(contexts);
  }

  requestWalk(): RequestWalk {
    const contexts = this.contexts;
    // If no filter has a headers callback, none can keep the request from the next one.
    if (!contexts.hasAny(Callback.RequestHeaders)) contexts.reached = contexts.size;
    return this.request;
  }

  responseWalk(): ResponseWalk {
    const request = this.requestWalk();
    // A filter or Envoy has answered, not an upstream: the request is over.
    if (this.contexts.reached < this.contexts.size) request.end();
    this.response.begin();
    return this.response;
  }

  /**
   * At the end of a stream Envoy tells every filter of it, even those that the request did not
   * reach.
   */
  onDone(): bool {
    const contexts = this.contexts;
    for (let i = 0; i < contexts.size; i++) {
      const context = contexts.at(i);
      if (contexts.has(i, Callback.Done) && !context.onDone()) this.unfinished++;
      contexts.reenter();
    }
    return this.unfinished == 0;
  }

  onLog(): void {
    const contexts = this.contexts;
    for (let i = 0; i < contexts.size; i++) {
      const context = contexts.at(i);
      if (contexts.has(i, Callback.Log)) context.onLog();
      contexts.reenter();
    }
  }

  /** The filter at that place lets its part of the stream go on. */
  resume(place: i32, type: StreamType): Status {
    return type == StreamType.Request ? this.request.resume(place) : this.response.resumeFilter(place);
  }

  /** A filter whose `onDone` returned false has ended. The stream ends with the last of them. */
  partDone(): Status {
    if (this.unfinished == 0 || --this.unfinished > 0) return Status.Ok;
    return finish();
  }

  reset(): void {
    this.contexts.release();
    this.request.reset();
    this.response.reset();
    this.unfinished = 0;
  }
}

/** What the host sees as one stream. */
@final
export class BundleStream extends HttpContext {
  readonly parts: BundleChain;

  constructor(plan: BundlePlan, roots: StaticArray<RootContext>) {
    super();
    this.parts = new BundleChain(new BundleContexts(plan, roots));
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return this.entered().requestWalk().onHeaders(headers, endOfStream);
  }

  override onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.entered().requestWalk().onBody(size, endOfStream);
  }

  override onRequestTrailers(trailers: u32): FilterTrailersStatus {
    return this.entered().requestWalk().onTrailers(trailers);
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return this.entered().responseWalk().onHeaders(headers, endOfStream);
  }

  override onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.entered().responseWalk().onBody(size, endOfStream);
  }

  override onResponseTrailers(trailers: u32): FilterTrailersStatus {
    return this.entered().responseWalk().onTrailers(trailers);
  }

  override onDone(): bool {
    return this.entered().onDone();
  }

  override onLog(): void {
    this.entered().onLog();
  }

  override onRecycle(): bool {
    this.parts.reset();
    return true;
  }

  /** The dispatcher sets a stream's number after it has made the context. */
  private entered(): BundleChain {
    const parts = this.parts;
    parts.contexts.id = this.id;
    return parts;
  }
}
