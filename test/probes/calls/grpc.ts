// The handlers of gRPC calls.

import {
  Bytes,
  GrpcCallHandler,
  GrpcStatus,
  GrpcStreamHandler,
  grpcInitialMetadata,
  grpcMessage,
  grpcTrailingMetadata,
  Task,
} from "../../../assembly";
import { CallingStream } from "./stream";

const X_INITIAL = Bytes.of("x-initial");
const X_TRAILING = Bytes.of("x-trailing");

function textOf(bytes: Bytes | null): string {
  return bytes ? bytes.toString() : "(null)";
}

/** Tells the request what the call answered, and continues it. */
export class UnaryReport extends GrpcCallHandler {
  called: i32 = 0;

  constructor(private readonly stream: CallingStream) {
    super();
  }

  onResponse(size: u32): void {
    this.called++;
    this.stream.goOn(`response ${size} ${textOf(grpcMessage.readAll())}`);
  }

  onFailure(status: GrpcStatus, message: Bytes): void {
    this.called++;
    this.stream.goOn(`failure ${<i32>status} ${message.toString()}`);
  }
}

/** Collects everything that comes in on a stream, and reports it at the end. */
export class StreamReport extends GrpcStreamHandler {
  protected text: string = "";

  constructor(protected readonly stream: CallingStream) {
    super();
  }

  onInitialMetadata(headers: u32): void {
    this.text += `initial ${textOf(grpcInitialMetadata.get(X_INITIAL))}`;
  }

  onMessage(size: u32): void {
    this.text += ` message ${size} ${textOf(grpcMessage.readAll())}`;
  }

  onTrailingMetadata(headers: u32): void {
    this.text += ` trailing ${textOf(grpcTrailingMetadata.get(X_TRAILING))}`;
  }

  onClose(status: GrpcStatus, message: Bytes): void {
    // A closed stream must say so, and must not call the host.
    const late = `${<i32>this.send(X_INITIAL, false)}${<i32>this.close()}`;
    this.stream.goOn(`${this.text} close ${<i32>status} ${message.toString()} late ${late}`);
  }
}

/** Answers each message with the next one, and sends the last one at the third. */
export class Chat extends StreamReport {
  private count: i32 = 1;

  onMessage(size: u32): void {
    super.onMessage(size);
    if (this.count == 3) return;
    this.count++;
    this.send(Bytes.of(`m${this.count}`), this.count == 3);
  }
}

/** Cancels at the first message. */
export class CancelAtFirst extends StreamReport {
  onMessage(size: u32): void {
    super.onMessage(size);
    this.cancel();
    this.stream.goOn(`cancelled pending ${this.isPending} ${<i32>this.send(X_INITIAL, false)}`);
  }
}

/** Reports how often a handler was called, after some time. */
export class LaterUnary extends Task {
  constructor(
    private readonly stream: CallingStream,
    private readonly handler: UnaryReport,
  ) {
    super();
  }

  run(): void {
    this.stream.goOn(`called ${this.handler.called} pending ${this.handler.isPending}`);
  }
}
