// A network filter for the tests. The bytes that pass say what it does, and the log has what it
// saw.

import {
  Bytes,
  CallFailure,
  downstreamData,
  encodePairs,
  FilterStatus,
  HttpCallHandler,
  httpCall,
  httpCallBody,
  LogLevel,
  log,
  PeerType,
  RootContext,
  registerRootContext,
  Status,
  StreamType,
  Task,
  TcpContext,
  upstreamData,
} from "../../../assembly";

export { proxy_on_http_call_response } from "../../../assembly/exports/calls";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_done,
  proxy_on_downstream_connection_close,
  proxy_on_downstream_data,
  proxy_on_log,
  proxy_on_new_connection,
  proxy_on_upstream_connection_close,
  proxy_on_upstream_data,
} from "../../../assembly/exports/network";
export {
  malloc,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../../assembly/exports/plugin";

const CLOSE = Bytes.of("close");
const HOLD = Bytes.of("hold");
const BACK = Bytes.of("back");
const PAUSE = Bytes.of("pause");
const CALL = Bytes.of("call");
const REWRITE = Bytes.of("rewrite");
const REWRITTEN = Bytes.of("rewritten");
const MARK = Bytes.of("!");
const CLUSTER = Bytes.of("service");
const REQUEST = encodePairs([
  Bytes.of(":method"),
  Bytes.of("GET"),
  Bytes.of(":path"),
  Bytes.of("/from-tcp"),
  Bytes.of(":authority"),
  Bytes.of("service"),
]);

class Connection extends TcpContext {
  /** What happened, in order, and how many bytes came. */
  private events: string = "";
  private received: u64 = 0;
  private sent: u64 = 0;

  constructor(readonly root: RootContext) {
    super();
  }

  onNewConnection(): FilterStatus {
    this.events = "new";
    return FilterStatus.Continue;
  }

  onDownstreamData(size: u32, endOfStream: bool): FilterStatus {
    const data = downstreamData.readAll();
    if (!data) return FilterStatus.Continue;
    this.events += ` down ${size}${endOfStream ? " end" : ""}`;
    if (this.waits(data)) return FilterStatus.StopIteration;
    this.received += size;
    if (data.startsWith(CLOSE)) this.close(StreamType.Downstream);
    if (data.startsWith(REWRITE)) downstreamData.replace(REWRITTEN);
    return FilterStatus.Continue;
  }

  onUpstreamData(size: u32, endOfStream: bool): FilterStatus {
    const data = upstreamData.readAll();
    if (data && data.equals(BACK)) {
      log(LogLevel.Warn, "held back");
      return FilterStatus.StopIteration;
    }
    this.sent += size;
    if (size > 0) upstreamData.append(MARK);
    return FilterStatus.Continue;
  }

  onDownstreamClose(peer: PeerType): void {
    this.events += ` down-close ${<i32>peer}`;
  }

  onUpstreamClose(peer: PeerType): void {
    this.events += ` up-close ${<i32>peer}`;
  }

  onDone(): bool {
    this.events += " done";
    return true;
  }

  onLog(): void {
    this.events += " log";
  }

  onDelete(): void {
    log(LogLevel.Warn, `connection: ${this.events} delete, received ${this.received} sent ${this.sent}`);
  }

  private waits(data: Bytes): bool {
    if (data.equals(HOLD)) log(LogLevel.Warn, "held");
    else if (data.startsWith(PAUSE)) this.pause();
    else if (data.startsWith(CALL))
      return httpCall(CLUSTER, REQUEST, null, null, 1_000, new Ask(this)) == Status.Ok;
    else return false;
    return true;
  }

  private pause(): void {
    log(LogLevel.Warn, "paused");
    this.root.after(200, new Resume(this));
  }
}

/** Continues the connection, if it has come. */
class Resume extends Task {
  constructor(private readonly connection: Connection) {
    super();
  }

  run(): void {
    const up = this.connection.resume(StreamType.Upstream);
    const down = this.connection.resume(StreamType.Downstream);
    log(LogLevel.Warn, `resumed: status ${<i32>down} up ${<i32>up}`);
  }
}

/** Sends a service's answer instead of the held bytes. */
class Ask extends HttpCallHandler {
  constructor(private readonly connection: Connection) {
    super();
  }

  onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    const body = httpCallBody.readAll();
    if (body) downstreamData.replace(body);
    this.connection.resume(StreamType.Downstream);
  }

  onFailure(failure: CallFailure): void {
    log(LogLevel.Warn, `call: failure ${<i32>failure}`);
  }
}

class NetworkRoot extends RootContext {
  createTcpContext(): TcpContext {
    return new Connection(this);
  }
}

registerRootContext((id: u32) => new NetworkRoot(id));
