// What all streams of a plugin share: its configuration in use, and the current request.

import {
  Bytes,
  CallProtocol,
  decimalText,
  GrpcStatus,
  grpcTimeoutText,
  parseGrpcTimeout,
  parseRouterTimeout,
  parseTimeoutMs,
  protocolOf,
  Reply,
  requestHeaders,
} from "../../assembly";
import { HostRequestView } from "../../assembly/rules";
import { DeadlineConfig, GRPC_TIMEOUT, Side } from "./config";
import { Rule } from "./rule";
import { TraceTable } from "./trace/table";

const GATEWAY_TIMEOUT: u32 = 504;
const NOTHING = Bytes.owned(0);

@final
export class Plugin {
  readonly request: HostRequestView;
  /** What a request gets whose time is over. */
  readonly reply: Reply = new Reply(
    GATEWAY_TIMEOUT,
    GrpcStatus.DeadlineExceeded,
    NOTHING,
    null,
    [],
    Bytes.of("deadline exceeded"),
  );
  /** The traces of a service's requests, if the filter stands at one side of it. */
  readonly traces: TraceTable | null;
  private readonly rules: StaticArray<Rule>;

  constructor(readonly config: DeadlineConfig) {
    this.request = new HostRequestView(config.slots);
    this.traces = config.side == Side.None ? null : new TraceTable();
    this.rules = new StaticArray<Rule>(config.rules.length);
    for (let i = 0; i < config.rules.length; i++) {
      this.rules[i] = new Rule(config.rules[i], config.explainProperty);
    }
  }

  rule(index: i32): Rule {
    return unchecked(this.rules[index]);
  }

  /** The first rule that the request matches, or -1. Call `request.begin` before. */
  firstRule(): i32 {
    return this.config.selections.first(this.request);
  }

  /** The next one. It decides only if those before it are in shadow mode. */
  nextRule(): i32 {
    return this.config.selections.next(this.request);
  }

  /** The time that the request's own headers give it, `NO_TIMEOUT` without any. */
  toldTime(): u64 {
    const config = this.config;
    const grpc = parseGrpcTimeout(this.grpcTimeout());
    if (!config.isTrusted) return grpc;
    return min(grpc, parseTimeoutMs(this.request.header(config.headerSlot)));
  }

  grpcTimeout(): Bytes | null {
    return this.request.header(this.config.grpcTimeout);
  }

  /** The router's header as it is. */
  routerHeader(): Bytes | null {
    return this.request.header(this.config.routerTimeout);
  }

  /** What the router has been told so far, or tells this attempt. */
  routerTime(): u64 {
    return parseRouterTimeout(this.routerHeader());
  }

  /** The id of the request's trace, in hexadecimal digits, or `null`. */
  traceId(): Bytes | null {
    const id = this.config.traceId;
    return id ? id.of(this.request) : null;
  }

  /** The protocol in which its client wants an answer. */
  protocol(): CallProtocol {
    return protocolOf(this.request.header(this.config.contentType));
  }

  /** Tells the service how much time is left. One host call, for gRPC two. */
  tell(ms: u64): void {
    const config = this.config;
    this.write(config.headerSlot, config.header, decimalText(ms));
    if (this.grpcTimeout() || this.protocol() != CallProtocol.Http) {
      this.write(config.grpcTimeout, GRPC_TIMEOUT, grpcTimeoutText(ms));
    }
  }

  /** Tells the router how much time there is. One host call. */
  tellRouter(name: Bytes, ms: u64): void {
    this.write(this.config.routerTimeout, name, decimalText(ms));
  }

  /**
   * Leaves one header of that name. To add one is cheaper than to replace it, and the request is
   * known. A header must be written only once in a callback.
   */
  private write(slot: i32, name: Bytes, value: Bytes): void {
    if (this.request.header(slot)) requestHeaders.replace(name, value);
    else requestHeaders.add(name, value);
  }

  /** Removes the header of the filter if somebody sent it: it says nothing that holds. */
  dropHeader(): void {
    if (this.request.header(this.config.headerSlot)) requestHeaders.remove(this.config.header);
  }
}
