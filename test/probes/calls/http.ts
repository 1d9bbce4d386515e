// The handlers of HTTP calls.

import {
  Bytes,
  CallFailure,
  HttpCallHandler,
  httpCall,
  httpCallBody,
  httpCallStatus,
  httpCallTrailers,
  requestHeaders,
  sendLocalReply,
  Task,
} from "../../../assembly";
import { CallingStream, requestTo } from "./stream";

const FROM_CALL = Bytes.of("x-from-call");
const X_TRAILER = Bytes.of("x-trailer");

function textOf(bytes: Bytes | null): string {
  return bytes ? bytes.toString() : "(null)";
}

/** Tells the request what the call answered, and continues it. */
export class Report extends HttpCallHandler {
  called: i32 = 0;

  constructor(protected readonly stream: CallingStream) {
    super();
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    this.called++;
    const body = httpCallBody.readAll();
    if (body) requestHeaders.add(FROM_CALL, body);
    this.stream.goOn(
      `response ${httpCallStatus()} ${bodySize} ${textOf(body)} ${trailers} ${textOf(httpCallTrailers.get(X_TRAILER))}`,
    );
  }

  onFailure(failure: CallFailure): void {
    this.called++;
    this.stream.goOn(`failure ${<i32>failure} ${textOf(httpCallBody.readAll())}`);
  }
}

/** Reports only the size. */
export class ReportSize extends Report {
  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    const body = httpCallBody.readAll();
    this.stream.goOn(`response ${httpCallStatus()} ${body ? body.size : -1}`);
  }
}

/** Answers the request itself. */
export class Refuse extends Report {
  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    sendLocalReply(403, Bytes.of("call said no"), Bytes.of("refused\n"));
  }
}

/** Calls again, three times in all, with the same handler. */
export class Again extends Report {
  constructor(
    stream: CallingStream,
    private readonly cluster: Bytes,
    private readonly path: Bytes,
  ) {
    super(stream);
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    if (++this.called == 3) {
      this.stream.goOn(`called ${this.called}`);
      return;
    }
    const status = httpCall(this.cluster, requestTo(this.path), null, null, 2_000, this);
    if (status != 0) this.stream.goOn(`refused ${<i32>status}`);
  }
}

/** Reports how often a handler was called, after some time. */
export class Later extends Task {
  constructor(
    private readonly stream: CallingStream,
    private readonly handler: Report,
  ) {
    super();
  }

  run(): void {
    this.stream.goOn(`called ${this.handler.called} pending ${this.handler.isPending}`);
  }
}

/** Calls in the root's context, from a timer. */
export class CallFromRoot extends Task {
  constructor(
    private readonly cluster: Bytes,
    private readonly path: Bytes,
    private readonly handler: Report,
  ) {
    super();
  }

  run(): void {
    httpCall(this.cluster, requestTo(this.path), null, null, 2_000, this.handler);
  }
}
