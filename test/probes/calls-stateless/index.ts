// A filter that keeps nothing per stream and calls a service for each. It is not told when a stream
// ends.

import {
  Bytes,
  CallFailure,
  defineMetric,
  encodePairs,
  FilterHeadersStatus,
  HttpCallHandler,
  HttpContext,
  httpCall,
  incrementMetric,
  MetricType,
  RootContext,
  registerRootContext,
  requestHeaders,
  Status,
  StreamType,
} from "../../../assembly";
import { continueStream } from "../../../assembly/host/stream-control";

export { proxy_on_http_call_response } from "../../../assembly/exports/calls";
export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export { proxy_on_request_headers } from "../../../assembly/exports/stateless";

const SERVICE = Bytes.of("service");
const X_PATH = Bytes.of("x-path");
const X_CALLED = Bytes.of("x-called");

class Shared extends HttpContext {
  constructor(private readonly answered: u32) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const path = requestHeaders.get(X_PATH);
    if (!path) return FilterHeadersStatus.Continue;
    const request = encodePairs([
      Bytes.of(":method"),
      Bytes.of("GET"),
      Bytes.of(":path"),
      path,
      Bytes.of(":authority"),
      SERVICE,
    ]);
    const status = httpCall(SERVICE, request, null, null, 20_000, new Answer(this.answered));
    return status == Status.Ok ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue;
  }
}

/** Counts, and continues the stream. */
class Answer extends HttpCallHandler {
  constructor(private readonly answered: u32) {
    super();
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    incrementMetric(this.answered, 1);
    requestHeaders.add(X_CALLED, SERVICE);
    continueStream(StreamType.Request);
  }

  onFailure(failure: CallFailure): void {}
}

class StatelessRoot extends RootContext {
  private readonly shared: Shared = new Shared(defineMetric(MetricType.Counter, "stateless_answered"));

  sharedHttpContext(): HttpContext | null {
    return this.shared;
  }
}

registerRootContext((id: u32) => new StatelessRoot(id));
