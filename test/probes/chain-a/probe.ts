// A filter for the tests of bundles. The request says what it does in each callback, in a header
// `x-plan-NAME: qh=pause,sb=upper`: q is for requests, s for responses, h for headers, b for
// bodies, t for trailers. It logs what it sees with the request's `x-id`, so that a chain of such
// filters can be compared with a bundle of them.

import {
  Bytes,
  encodePairs,
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  HeaderMap,
  HttpContext,
  LogLevel,
  log,
  RootContext,
  requestHeaders,
  responseHeaders,
  sendLocalReply,
  Task,
} from "../../../assembly";
import { BodyBuffer, requestBody, responseBody } from "../../../assembly/host/body";
import { requestTrailers, responseTrailers } from "../../../assembly/host/headers";
import { hash64 } from "../../../assembly/text/hash";

const ID = Bytes.of("x-id");
const DETAILS = Bytes.of("probe");
const ONE = Bytes.of("1");
const PAUSE_MS: u32 = 25;

/** What a timer does to a waiting stream. */
class Wake extends Task {
  constructor(
    private readonly stream: ChainProbe,
    private readonly isRequest: bool,
    private readonly verb: string,
  ) {
    super();
  }

  run(): void {
    this.stream.wake(this.isRequest, this.verb);
  }
}

export class ChainProbe extends HttpContext {
  private stream: string = "?";
  private plan: string = "";
  /** The number of body callbacks so far, for the request and for the response. */
  private pieces: StaticArray<i32> = [0, 0];

  constructor(private readonly root: ChainRoot) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.learn();
    return this.headers(true, requestHeaders, endOfStream);
  }

  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.body(true, requestBody, size, endOfStream);
  }

  onRequestTrailers(trailers: u32): FilterTrailersStatus {
    return this.trailers(true, requestTrailers, requestBody);
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return this.headers(false, responseHeaders, endOfStream);
  }

  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.body(false, responseBody, size, endOfStream);
  }

  onResponseTrailers(trailers: u32): FilterTrailersStatus {
    return this.trailers(false, responseTrailers, responseBody);
  }

  onLog(): void {
    if (this.stream == "?") this.learn();
    this.say("log");
  }

  onDone(): bool {
    this.say("done");
    return true;
  }

  wake(isRequest: bool, verb: string): void {
    if (this.activate() != 0) return;
    this.say("wakes " + verb);
    if (verb == "latereply") {
      this.reply();
      return;
    }
    const body = isRequest ? requestBody : responseBody;
    if (verb == "editlate") body.replace(Bytes.of(this.root.name + body.size().toString()));
    if (isRequest) this.resumeRequest();
    else this.resumeResponse();
  }

  private learn(): void {
    const id = requestHeaders.get(ID);
    const plan = requestHeaders.get(Bytes.of("x-plan-" + this.root.name));
    if (id) this.stream = id.toString();
    if (plan) this.plan = plan.toString();
  }

  private say(what: string): void {
    log(LogLevel.Warn, `chain ${this.stream} ${this.root.name} ${what}`);
  }

  /** The plan's verb for that key, empty when there is none. */
  private verb(isRequest: bool, part: string): string {
    const key = (isRequest ? "q" : "s") + part + "=";
    const steps = this.plan.split(",");
    for (let i = 0; i < steps.length; i++) {
      if (steps[i].startsWith(key)) return steps[i].substring(key.length);
    }
    return "";
  }

  private sleep(isRequest: bool, verb: string): void {
    this.root.after(PAUSE_MS, new Wake(this, isRequest, verb));
  }

  private reply(): void {
    sendLocalReply(
      418,
      DETAILS,
      Bytes.of("reply of " + this.root.name),
      encodePairs([Bytes.of("x-reply"), ONE]),
    );
  }

  private headers(isRequest: bool, map: HeaderMap, end: bool): FilterHeadersStatus {
    const verb = this.verb(isRequest, "h");
    this.say(`${isRequest ? "q" : "s"}h end=${end} ${verb}`);
    map.add(Bytes.of("x-by"), Bytes.of(this.root.name));
    if (!isRequest) responseHeaders.remove(Bytes.of("content-length"));
    else requestHeaders.remove(Bytes.of("content-length"));
    if (verb == "reply") {
      this.reply();
      return FilterHeadersStatus.StopIteration;
    }
    if (verb == "") return FilterHeadersStatus.Continue;
    if (verb == "end") return FilterHeadersStatus.ContinueAndEndStream;
    this.sleep(isRequest, verb);
    return verb == "pauseall"
      ? FilterHeadersStatus.StopAllIterationAndBuffer
      : FilterHeadersStatus.StopIteration;
  }

  private body(isRequest: bool, body: BodyBuffer, size: u32, end: bool): FilterDataStatus {
    const verb = this.verb(isRequest, "b");
    const seen = body.readAll();
    const hash = seen ? hash64(0, seen.ptr, seen.size).toString(36) : "none";
    this.say(`${isRequest ? "q" : "s"}b ${size} ${hash} end=${end} ${verb}`);
    const piece = unchecked(this.pieces[isRequest ? 0 : 1]++);
    if (verb == "reply") this.reply();
    if (verb == "mark") body.append(Bytes.of(this.root.name));
    if (verb == "front") body.prepend(Bytes.of(this.root.name));
    if (verb == "shrink") body.replace(Bytes.of(this.root.name));
    if (verb == "clear") body.clear();
    if (verb == "buffer" || verb == "replace") {
      if (!end) return FilterDataStatus.StopIterationAndBuffer;
      if (verb == "replace") body.replace(Bytes.of(this.root.name + size.toString()));
    }
    if (verb == "drop" && piece == 0) return FilterDataStatus.StopIterationNoBuffer;
    if (verb == "watermark" && piece == 0) return FilterDataStatus.StopIterationAndWatermark;
    if (verb == "watermarkend") {
      if (end) this.sleep(isRequest, verb);
      return FilterDataStatus.StopIterationAndWatermark;
    }
    if (verb == "holdend" || verb == "editlate" || verb == "latereply") {
      if (end) this.sleep(isRequest, verb);
      return FilterDataStatus.StopIterationAndBuffer;
    }
    return verb == "reply" ? FilterDataStatus.StopIterationNoBuffer : FilterDataStatus.Continue;
  }

  private trailers(isRequest: bool, map: HeaderMap, body: BodyBuffer): FilterTrailersStatus {
    const verb = this.verb(isRequest, "t");
    this.say(`${isRequest ? "q" : "s"}t ${verb}`);
    map.add(Bytes.of("x-trailer-by"), Bytes.of(this.root.name));
    if (verb == "") return FilterTrailersStatus.Continue;
    if (verb == "edit") {
      body.append(Bytes.of(this.root.name));
      return FilterTrailersStatus.Continue;
    }
    if (verb == "reply") this.reply();
    else this.sleep(isRequest, verb);
    return FilterTrailersStatus.StopIteration;
  }
}

export class ChainRoot extends RootContext {
  constructor(
    id: u32,
    public name: string,
  ) {
    super(id);
  }

  /** Reads `"NAME"`, with which one module can be several filters of a chain. */
  onConfigure(configuration: Bytes): bool {
    if (configuration.size > 2) this.name = configuration.toString().slice(1, -1);
    return true;
  }

  createHttpContext(): HttpContext {
    return new ChainProbe(this);
  }
}
