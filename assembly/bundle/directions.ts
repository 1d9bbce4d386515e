// The two directions of a stream: a request passes the filters in the order of the chain, a
// response in the opposite order.

import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  Status,
  StreamType,
} from "../abi/types";
import { Callback } from "../callbacks";
import { requestBody, responseBody } from "../host/body";
import { continueStream } from "../host/stream-control";
import { BundleContexts } from "./contexts";
import { HeldBody, requestWindow, responseWindow } from "./held-body";
import { Walk } from "./walk";

@final
export class RequestWalk extends Walk {
  constructor(contexts: BundleContexts) {
    super(contexts, new HeldBody(requestBody, requestWindow));
    this.count = contexts.size;
  }

  protected override callHeaders(place: i32, headers: u32, endOfStream: bool): FilterHeadersStatus {
    const contexts = this.contexts;
    contexts.reached = place + 1;
    const context = contexts.at(place);
    return contexts.has(place, Callback.RequestHeaders)
      ? context.onRequestHeaders(headers, endOfStream)
      : FilterHeadersStatus.Continue;
  }

  protected override callBody(place: i32, size: u32, endOfStream: bool): FilterDataStatus {
    return this.contexts.at(place).onRequestBody(size, endOfStream);
  }

  protected override callTrailers(place: i32, trailers: u32): FilterTrailersStatus {
    const contexts = this.contexts;
    return contexts.has(place, Callback.RequestTrailers)
      ? contexts.at(place).onRequestTrailers(trailers)
      : FilterTrailersStatus.Continue;
  }

  protected override wantsBody(place: i32): bool {
    return this.contexts.has(place, Callback.RequestBody);
  }

  protected override continueHost(): Status {
    return continueStream(StreamType.Request);
  }
}

@final
export class ResponseWalk extends Walk {
  constructor(contexts: BundleContexts) {
    super(contexts, new HeldBody(responseBody, responseWindow));
  }

  /**
   * Part of the response has arrived: the filters that the request has not reached by now never see
   * the response.
   */
  begin(): void {
    this.count = this.contexts.reached;
  }

  /** The filter at that place in the chain's order lets the response go on. */
  resumeFilter(index: i32): Status {
    return index < 0 ? Status.Ok : this.resume(this.count - 1 - index);
  }

  protected override callHeaders(place: i32, headers: u32, endOfStream: bool): FilterHeadersStatus {
    const index = this.count - 1 - place;
    return this.contexts.has(index, Callback.ResponseHeaders)
      ? this.contexts.at(index).onResponseHeaders(headers, endOfStream)
      : FilterHeadersStatus.Continue;
  }

  protected override callBody(place: i32, size: u32, endOfStream: bool): FilterDataStatus {
    return this.contexts.at(this.count - 1 - place).onResponseBody(size, endOfStream);
  }

  protected override callTrailers(place: i32, trailers: u32): FilterTrailersStatus {
    const index = this.count - 1 - place;
    return this.contexts.has(index, Callback.ResponseTrailers)
      ? this.contexts.at(index).onResponseTrailers(trailers)
      : FilterTrailersStatus.Continue;
  }

  protected override wantsBody(place: i32): bool {
    return this.contexts.has(this.count - 1 - place, Callback.ResponseBody);
  }

  protected override continueHost(): Status {
    return continueStream(StreamType.Response);
  }
}
