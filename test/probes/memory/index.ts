// A filter that uses everything that could leak memory. It holds each request until a call and a
// timer are over, takes its whole body, and writes it again after what the call answered. For the
// tests and the benchmark of memory.
//
// `x-memory` on the request chooses less: `timer`, `call` or `body` alone, or `none`.

import {
  Bytes,
  encodePairs,
  FilterDataStatus,
  FilterHeadersStatus,
  HttpContext,
  httpCallBody,
  RootContext,
  registerRootContext,
  requestBody,
  requestHeaders,
  Task,
} from "../../../assembly";
import { CallFailure, HttpCallHandler, httpCall } from "../../../assembly/host/http-call";

export { proxy_on_http_call_response } from "../../../assembly/exports/calls";
export {
  malloc,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_body,
  proxy_on_request_headers,
} from "../../../assembly/exports/stream";

const USES = Bytes.of("x-memory");
const BODY = Bytes.of("body");
const CALL = Bytes.of("call");
const TIMER = Bytes.of("timer");
const CLUSTER = Bytes.of("service");
const CALL_HEADERS = encodePairs([
  Bytes.of(":method"),
  Bytes.of("POST"),
  Bytes.of(":path"),
  Bytes.of("/check"),
  Bytes.of(":authority"),
  Bytes.of("service"),
]);
const DELAY_MS: u32 = 5;
const TIMEOUT_MS: u32 = 1_000;

/** Runs when the stream's delay is over. */
@final
class Delay extends Task {
  constructor(
    private readonly stream: MemoryStream,
    /** The stream's number at that time, since its object may serve another stream by now. */
    private readonly id: u32,
  ) {
    super();
  }

  run(): void {
    if (this.stream.id == this.id) this.stream.onStep();
  }
}

/** Runs when the stream's call is over. */
@final
class Check extends HttpCallHandler {
  constructor(private readonly stream: MemoryStream) {
    super();
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    const answer = httpCallBody.readAll();
    this.stream.answer = answer ? answer.toString() : "";
    this.stream.onStep();
  }

  onFailure(failure: CallFailure): void {
    this.stream.answer = "failed";
    this.stream.onStep();
  }
}

@final
class MemoryStream extends HttpContext {
  answer: string = "";
  private takesBody: bool = false;
  private waitsFor: i32 = 0;

  constructor(private readonly root: RootContext) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const uses = requestHeaders.get(USES);
    this.takesBody = !uses || uses.equals(BODY);
    if (!uses || uses.equals(TIMER)) {
      this.root.after(DELAY_MS, new Delay(this, this.id));
      this.waitsFor++;
    }
    if (!uses || uses.equals(CALL)) {
      httpCall(CLUSTER, CALL_HEADERS, CLUSTER, null, TIMEOUT_MS, new Check(this));
      this.waitsFor++;
    }
    return this.waitsFor > 0 ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue;
  }

  override onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (!this.takesBody) return FilterDataStatus.Continue;
    if (!endOfStream) return FilterDataStatus.StopIterationAndBuffer;
    const body = requestBody.readAll();
    if (body) requestBody.replace(Bytes.of(this.answer + body.size.toString() + "\n"));
    if (body) requestBody.append(body);
    return FilterDataStatus.Continue;
  }

  /** Called when one of the things that it waits for has happened. */
  onStep(): void {
    this.waitsFor--;
    if (this.waitsFor == 0) this.resumeRequest();
  }

  override onRecycle(): bool {
    this.answer = "";
    this.takesBody = false;
    this.waitsFor = 0;
    return true;
  }
}

@final
class MemoryRoot extends RootContext {
  override createHttpContext(): HttpContext {
    return new MemoryStream(this);
  }
}

registerRootContext((id: u32) => new MemoryRoot(id));
