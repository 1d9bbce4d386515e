// What the probe does for each command.

import {
  Bytes,
  encodePairs,
  FilterHeadersStatus,
  GrpcService,
  GrpcStreamHandler,
  grpcCall,
  grpcStream,
  HttpCallHandler,
  HttpContext,
  httpCall,
  RootContext,
  responseHeaders,
  Status,
} from "../../../assembly";
import { CancelAtFirst, Chat, LaterUnary, StreamReport, UnaryReport } from "./grpc";
import { Again, CallFromRoot, Later, Refuse, Report, ReportSize } from "./http";
import { CallingStream, header, requestTo, timeout } from "./stream";

const PATH = Bytes.of("/at-response");
const SAW = Bytes.of("x-saw");
const ECHO = Bytes.of("test.Echo");
const TRAILERS = encodePairs([Bytes.of("x-call-trailer"), Bytes.of("sent")]);
const METADATA = encodePairs([Bytes.of("x-metadata"), Bytes.of("sent")]);
/** Long enough for anything that must not happen, in milliseconds. */
const GRACE_MS: u32 = 60;

/** The handler of the last call whose stream did not wait, to see what happened to it. */
let leftAlone: HttpCallHandler | null = null;

class Probe extends CallingStream {
  /** The path to call when the response comes, since the request's headers cannot be read then. */
  private callAtResponse: Bytes | null = null;

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const command = header("x-do").toString();
    if (command.startsWith("grpc-")) return this.outcome(this.grpc(command));
    if (command == "at-response") this.callAtResponse = header("x-cluster");
    if (command == "at-response" || command == "") return FilterHeadersStatus.Continue;
    if (command == "pages") {
      this.saw = memory.size().toString();
      return FilterHeadersStatus.Continue;
    }
    if (command == "left-alone") {
      const handler = leftAlone;
      this.saw = handler ? `pending ${handler.isPending} called ${(<Report>handler).called}` : "none";
      return FilterHeadersStatus.Continue;
    }
    return this.outcome(this.http(command));
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const cluster = this.callAtResponse;
    if (cluster) {
      this.atResponse = true;
      return this.outcome(httpCall(cluster, requestTo(PATH), null, null, 2_000, new AtResponse(this)));
    }
    responseHeaders.add(SAW, Bytes.of(this.saw));
    return FilterHeadersStatus.Continue;
  }

  private outcome(status: Status): FilterHeadersStatus {
    if (status == Status.Ok) return FilterHeadersStatus.StopIteration;
    this.saw = `status ${<i32>status}`;
    return FilterHeadersStatus.Continue;
  }

  private call(handler: HttpCallHandler): Status {
    const body = header("x-body");
    return httpCall(
      header("x-cluster"),
      requestTo(header("x-path")),
      body.size > 0 ? body : null,
      body.size > 0 ? TRAILERS : null,
      timeout(),
      handler,
    );
  }

  private http(command: string): Status {
    if (command == "refuse") return this.call(new Refuse(this));
    if (command == "call-large") return this.call(new ReportSize(this));
    if (command == "again") return this.call(new Again(this, header("x-cluster"), header("x-path")));
    const handler = new Report(this);
    if (command == "no-headers") return httpCall(header("x-cluster"), TRAILERS, null, null, 100, handler);
    if (command == "busy") {
      const status = this.call(handler);
      this.note = `again ${<i32>this.call(handler)} `;
      return status;
    }
    if (command == "from-root") {
      this.root.after(1, new CallFromRoot(header("x-cluster"), header("x-path"), handler));
      return Status.Ok;
    }
    if (command == "leave") leftAlone = handler;
    const status = this.call(handler);
    if (command == "cancel") {
      handler.cancel();
      handler.cancel();
      this.root.after(GRACE_MS, new Later(this, handler));
    }
    return status;
  }

  private grpc(command: string): Status {
    const cluster = header("x-cluster");
    const service = new GrpcService(cluster);
    if (command.startsWith("grpc-stream")) return this.stream(command, service);
    const handler = new UnaryReport(this);
    const status = grpcCall(
      service,
      ECHO,
      header("x-method"),
      METADATA,
      header("x-message"),
      timeout(),
      handler,
    );
    if (command == "grpc-cancel") {
      handler.cancel();
      this.root.after(GRACE_MS, new LaterUnary(this, handler));
    }
    return status;
  }

  private stream(command: string, service: GrpcService): Status {
    let handler: GrpcStreamHandler = new StreamReport(this);
    if (command == "grpc-stream-chat") handler = new Chat(this);
    if (command == "grpc-stream-cancel") handler = new CancelAtFirst(this);
    const status = grpcStream(service, ECHO, header("x-method"), METADATA, handler);
    if (status != Status.Ok) return status;
    handler.send(Bytes.of("m1"), false);
    if (command != "grpc-stream-three") return status;
    handler.send(Bytes.of(""), false);
    handler.send(Bytes.of("m3"), true);
    // Nothing can follow the last message.
    return <Status>(<i32>handler.send(Bytes.of("m4"), false) - Status.BadArgument);
  }
}

/** Tells the response what the call answered, and continues it. */
class AtResponse extends Report {
  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    responseHeaders.add(SAW, Bytes.of("before the response"));
    this.stream.resumeResponse();
  }
}

export class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe(this);
  }
}
