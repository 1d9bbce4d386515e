// A filter for the tests of what a bundle's filters do outside their own stream: calls, timers,
// queues, and other streams. The request's header `x-NAME` says what it does. `x-NAME-saw` in the
// request says whose headers it has seen. It reads all headers before and after that.

import {
  Bytes,
  CallFailure,
  dequeue,
  encodePairs,
  enqueue,
  FilterDataStatus,
  FilterHeadersStatus,
  HeaderMap,
  HttpCallHandler,
  HttpContext,
  httpCall,
  httpCallStatus,
  LogLevel,
  log,
  RootContext,
  registerSharedQueue,
  requestBody,
  requestHeaders,
  responseBody,
  responseHeaders,
  StreamType,
  sendLocalReply,
  Task,
} from "../../../assembly";

function header(name: string): string {
  const value = requestHeaders.get(Bytes.of(name));
  return value ? value.toString() : "";
}

class Answer extends HttpCallHandler {
  constructor(private readonly stream: Stream) {
    super();
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    this.stream.called(`response ${httpCallStatus()}`);
  }

  onFailure(failure: CallFailure): void {
    this.stream.called(`failure ${<i32>failure}`);
  }
}

/** A call from a timer, in the root's context. */
class LaterCall extends Task {
  constructor(private readonly stream: Stream) {
    super();
  }

  run(): void {
    this.stream.call("/later");
  }
}

/** Answers a waiting request. */
class LateReply extends Task {
  constructor(private readonly stream: Stream) {
    super();
  }

  run(): void {
    if (this.stream.activate() == 0) sendLocalReply(403, Bytes.of("late"), Bytes.of("late"));
  }
}

class LateResume extends Task {
  constructor(
    private readonly stream: Stream,
    private readonly type: StreamType,
  ) {
    super();
  }

  run(): void {
    if (this.type == StreamType.Request) this.stream.resumeRequest();
    else this.stream.resumeResponse();
  }
}

class Stream extends HttpContext {
  private name: string = "";
  private stream: string = "";
  private plan: string = "";
  private edits: string = "";

  constructor(private readonly root: ProbeRoot) {
    super();
    this.name = root.name;
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.stream = header("x-id");
    this.plan = header(`x-${this.name}`);
    this.edits = header(`x-${this.name}-response`);
    requestHeaders.add(Bytes.of(`x-${this.name}-saw`), Bytes.of(this.stream));
    this.edit(requestHeaders, header(`x-${this.name}-request`));
    if (this.plan == "call" || this.plan == "call-slow") return this.call(`/${this.plan}`);
    if (this.plan == "call-later") {
      this.root.after(1, new LaterCall(this));
      return FilterHeadersStatus.StopIteration;
    }
    if (this.plan == "wait") {
      this.root.waiting.push(this);
      return FilterHeadersStatus.StopIteration;
    }
    if (this.plan == "release") this.root.release();
    if (this.plan == "reply") {
      sendLocalReply(403, Bytes.of("refused"), Bytes.of("refused"));
      return FilterHeadersStatus.StopIteration;
    }
    if (this.plan == "reply-then-resume") {
      this.root.after(20, new LateReply(this));
      this.root.after(40, new LateResume(this, StreamType.Request));
      return FilterHeadersStatus.StopIteration;
    }
    if (this.plan == "read-others") this.root.readOthers();
    if (this.plan == "enqueue") enqueue(this.root.queue, Bytes.of(`of ${this.name}`));
    return FilterHeadersStatus.Continue;
  }

  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.plan == "release-at-body") this.root.release();
    if (this.plan == "hold") {
      if (!endOfStream) return FilterDataStatus.StopIterationAndBuffer;
      this.root.waiting.push(this);
      return FilterDataStatus.StopIterationAndBuffer;
    }
    const body = requestBody.readAll();
    log(LogLevel.Warn, `probe ${this.stream} ${this.name} body ${body ? body.size : -1}`);
    return FilterDataStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.edit(responseHeaders, this.edits);
    responseHeaders.remove(Bytes.of("content-length"));
    if (this.plan == "release-at-response") this.root.release();
    responseHeaders.add(Bytes.of(`x-${this.name}-response-of`), Bytes.of(this.stream));
    if (this.plan != "hold-response") return FilterHeadersStatus.Continue;
    this.root.after(80, new LateResume(this, StreamType.Response));
    return FilterHeadersStatus.StopIteration;
  }

  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    responseBody.append(Bytes.of(` ${this.name}`));
    return FilterDataStatus.Continue;
  }

  onDone(): bool {
    if (this.plan == "release-at-done") this.root.release();
    return true;
  }

  onLog(): void {
    log(LogLevel.Warn, `probe ${this.stream} ${this.name} log of ${header("x-id")}`);
    if (this.plan == "release-at-log") this.root.release();
  }

  call(path: string): FilterHeadersStatus {
    const headers = encodePairs([
      Bytes.of(":method"),
      Bytes.of("GET"),
      Bytes.of(":path"),
      Bytes.of(path),
      Bytes.of(":authority"),
      Bytes.of("calls.test"),
    ]);
    const status = httpCall(Bytes.of("service"), headers, null, null, 5_000, new Answer(this));
    return status == 0 ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue;
  }

  called(outcome: string): void {
    this.root.answers++;
    this.activate();
    requestHeaders.add(Bytes.of(`x-${this.name}-called`), Bytes.of(`${outcome} for ${header("x-id")}`));
    this.resumeRequest();
  }

  /**
   * `+name=value` adds, `=name=value` replaces, `-name` removes, `!` sets all headers anew, `?`
   * reads all.
   */
  private edit(map: HeaderMap, edits: string): void {
    if (edits == "") return;
    const list = edits.split("|");
    for (let i = 0; i < list.length; i++) {
      const parts = list[i].slice(1).split("=");
      const name = Bytes.of(parts[0]);
      const value = Bytes.of(parts.length > 1 ? parts[1] : "");
      const kind = list[i].charAt(0);
      if (kind == "+") map.add(name, value);
      else if (kind == "=") map.replace(name, value);
      else if (kind == "-") map.remove(name);
      else if (kind == "!") this.setAll(map);
      else this.read(map);
    }
  }

  private read(map: HeaderMap): void {
    let text = "";
    const pairs = map.pairs();
    while (pairs && pairs.next()) text += ` ${pairs.name.toString()}=${pairs.value.toString()}`;
    log(LogLevel.Warn, `probe ${this.stream} ${this.name} headers${text}`);
  }

  private setAll(map: HeaderMap): void {
    const all: Bytes[] = [];
    const pairs = map.pairs();
    while (pairs && pairs.next()) {
      all.push(pairs.name.copy());
      all.push(pairs.value.copy());
    }
    map.replaceAll(encodePairs(StaticArray.fromArray(all)));
  }
}

/** Logs that a timer of the root's constructor has run. */
class Started extends Task {
  constructor(private readonly name: string) {
    super();
  }

  run(): void {
    log(LogLevel.Warn, `probe started ${this.name} .`);
  }
}

class LaterRelease extends Task {
  constructor(private readonly root: ProbeRoot) {
    super();
  }

  run(): void {
    this.root.release();
  }
}

export class ProbeRoot extends RootContext {
  waiting: HttpContext[] = [];
  queue: u32 = 0;
  answers: i32 = 0;

  constructor(
    id: u32,
    public name: string,
  ) {
    super(id);
    this.after(1, new Started(name));
  }

  onConfigure(configuration: Bytes): bool {
    this.queue = registerSharedQueue(Bytes.of(`queue of ${this.name}`));
    return true;
  }

  onQueueReady(queue: u32): void {
    const entry = dequeue(queue);
    log(LogLevel.Warn, `probe queue ${this.name} has ${entry ? entry.toString() : "nothing"}`);
  }

  createHttpContext(): HttpContext {
    return new Stream(this);
  }

  /** Continues the waiting streams. */
  release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (let i = 0; i < waiting.length; i++) waiting[i].resumeRequest();
  }

  /** Activates each waiting stream, and continues them later. */
  readOthers(): void {
    for (let i = 0; i < this.waiting.length; i++) this.waiting[i].activate();
    this.after(1, new LaterRelease(this));
  }
}
