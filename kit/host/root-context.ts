// A plugin in a VM: its root context, with its tick, its calls and its configuration.

import type { HeaderList } from "../traffic.js";
import { Status } from "./abi.js";
import { Body, NOTHING } from "./body.js";
import { GrpcCall, HttpCall, type HttpCallResponse } from "./call-outs.js";
import type { Alarm } from "./clock.js";
import { Context } from "./context.js";
import { HeaderMap } from "./header-map.js";
import type { Vm } from "./vm.js";

/** The response that Envoy makes for a call that was not answered in time. */
const TIMEOUT: HeaderList = [
  [":status", "504"],
  ["content-length", "24"],
  ["content-type", "text/plain"],
];
const TIMEOUT_TEXT = "upstream request timeout";
const GRPC_UNAVAILABLE = 14;

export class RootContext extends Context {
  readonly root = this;
  /** Exists only while the module is configured. */
  configuration: Body | undefined;
  /** The data of the last foreign function. */
  callData: Body = NOTHING;
  httpCallResponse: HttpCallResponse | undefined;
  grpcInitialMetadata: HeaderMap | undefined;
  grpcTrailingMetadata: HeaderMap | undefined;
  grpcMessageBody: Body | undefined;
  /** What `proxy_get_status` returns, for the last call. */
  status = { code: 0, message: "" };
  readonly httpCalls = new Map<number, HttpCall>();
  readonly grpcCalls = new Map<number, GrpcCall>();

  private streams = 0;
  private state: "serving" | "retired" | "pending" | "gone" = "serving";
  private period = 0;
  private tick: Alarm | undefined;

  constructor(
    vm: Vm,
    /** The plugin's name in Envoy's configuration. */
    readonly plugin: string,
    /** Chooses one of a module's filters. */
    readonly rootId: string,
    /** As in `HostOptions`. */
    readonly allowOnHeadersStopIteration: boolean,
  ) {
    super(vm);
  }

  /** Creates, starts and configures it. Returns false when the module refuses. */
  start(configuration: Buffer): boolean {
    return this.create(configuration) && this.configure(configuration);
  }

  /** Creates and starts it. Returns false when the module refuses. */
  create(configuration: Buffer): boolean {
    const { vm } = this;
    this.configuration = new Body(configuration, true);
    vm.enter(this, vm.on.proxy_on_context_create, 0);
    this.configuration = undefined;
    const vmSize = vm.options.vmConfiguration.length;
    return !vm.on.proxy_on_vm_start || vm.enter(this, vm.on.proxy_on_vm_start, vmSize) !== 0;
  }

  /**
   * Configures it. Envoy does so once for a root; other hosts of proxy-wasm may do so again.
   * Returns false when the module refuses.
   */
  configure(configuration: Buffer): boolean {
    const { vm } = this;
    this.configuration = new Body(configuration, true);
    const accepted =
      !vm.on.proxy_on_configure || vm.enter(this, vm.on.proxy_on_configure, configuration.length) !== 0;
    this.configuration = undefined;
    return accepted;
  }

  /** Ends it once its last stream has ended. */
  retire(): void {
    if (this.state !== "serving") return;
    this.state = "retired";
    this.endIfIdle();
  }

  /** Forgets it at once, without telling the module, because its configuration was refused. */
  discard(): void {
    this.state = "gone";
    this.tick?.cancel();
    for (const call of [...this.httpCalls.values(), ...this.grpcCalls.values()]) call.timeout?.cancel();
    this.httpCalls.clear();
    this.grpcCalls.clear();
    this.vm.unregister(this);
  }

  addStream(): void {
    this.streams++;
  }

  removeStream(): void {
    this.streams--;
    this.endIfIdle();
  }

  private endIfIdle(): void {
    if (this.state !== "retired" || this.streams > 0) return;
    const { vm } = this;
    if (!vm.on.proxy_on_done || vm.enter(this, vm.on.proxy_on_done) !== 0) this.delete();
    else this.state = "pending";
  }

  /** The module says that it is done, after it had said that it was not. */
  done(): number {
    if (this.state !== "pending") return Status.NotFound;
    this.state = "gone";
    this.vm.afterCall(() => this.delete());
    return Status.Ok;
  }

  private delete(): void {
    this.vm.enter(this, this.vm.on.proxy_on_delete);
    this.discard();
  }

  setTickPeriod(ms: number): void {
    this.period = ms;
    this.tick?.cancel();
    this.tick = ms > 0 ? this.vm.host.clock.after(ms, () => this.onTick()) : undefined;
  }

  private onTick(): void {
    if (this.state === "gone") return;
    this.vm.enter(this, this.vm.on.proxy_on_tick);
    if (this.period > 0) this.setTickPeriod(this.period);
    this.vm.host.settle();
  }

  /** Called for `proxy_http_call`. Returns the call's token. */
  callHttp(cluster: string, headers: HeaderList, body: Buffer, trailers: HeaderList, ms: number): number {
    const token = this.vm.nextToken("http");
    const sent = body.length === 0 ? headers : [...headers, ["content-length", `${body.length}`] as const];
    const call = new HttpCall(this, token, cluster, sent, body, trailers, ms, this.vm.host.clock.elapsedMs);
    this.httpCalls.set(token, call);
    const timeout = () => call.respond({ headers: TIMEOUT, body: TIMEOUT_TEXT });
    if (ms > 0) call.timeout = this.vm.host.clock.after(ms, timeout);
    this.vm.host.services?.onHttpCall(call);
    return token;
  }

  /** Gives the module the result of a call. A failure has no response. */
  answerHttpCall(call: HttpCall, response: HttpCallResponse | undefined): void {
    if (!this.httpCalls.delete(call.token)) return;
    call.timeout?.cancel();
    this.httpCallResponse = response;
    if (response === undefined) this.status = { code: Status.BrokenConnection, message: "reset" };
    this.vm.afterCall(() => {
      this.httpCallResponse = undefined;
      this.status.message = "";
    });
    const { headers, body, trailers } = response ?? {};
    const callback = this.vm.on.proxy_on_http_call_response;
    this.vm.enter(this, callback, call.token, headers?.size ?? 0, body?.length ?? 0, trailers?.size ?? 0);
    this.vm.host.settle();
  }

  /** Called for `proxy_grpc_call` and `proxy_grpc_stream`. */
  callGrpc(
    kind: GrpcCall["kind"],
    service: Buffer,
    serviceName: string,
    method: string,
    metadata: HeaderList,
    timeoutMs = 0,
  ): GrpcCall {
    const token = this.vm.nextToken(kind);
    const { elapsedMs } = this.vm.host.clock;
    const call = new GrpcCall(
      this,
      kind,
      token,
      service,
      serviceName,
      method,
      metadata,
      elapsedMs,
      timeoutMs,
    );
    this.grpcCalls.set(token, call);
    const timeout = () => call.close(GRPC_UNAVAILABLE, `${TIMEOUT_TEXT}{response_timeout}`);
    if (timeoutMs > 0) call.timeout = this.vm.host.clock.after(timeoutMs, timeout);
    this.vm.host.services?.onGrpcCall(call);
    return call;
  }

  grpcMetadata(call: GrpcCall, which: "initial" | "trailing", metadata: HeaderList): void {
    if (call.kind === "unary" || !this.grpcCalls.has(call.token)) return;
    const map = new HeaderMap(metadata);
    const { on } = this.vm;
    if (which === "initial") {
      this.grpcInitialMetadata = map;
      this.vm.enter(this, on.proxy_on_grpc_receive_initial_metadata, call.token, map.size);
      this.grpcInitialMetadata = undefined;
    } else {
      this.grpcTrailingMetadata = map;
      this.vm.enter(this, on.proxy_on_grpc_receive_trailing_metadata, call.token, map.size);
      this.grpcTrailingMetadata = undefined;
    }
    this.vm.host.settle();
  }

  grpcMessage(call: GrpcCall, message: Buffer): void {
    if (!this.grpcCalls.has(call.token)) return;
    this.grpcMessageBody = new Body(message, true);
    this.vm.afterCall(() => {
      this.grpcMessageBody = undefined;
      if (call.kind === "unary") this.forgetGrpc(call);
    });
    this.vm.enter(this, this.vm.on.proxy_on_grpc_receive, call.token, message.length);
    this.vm.host.settle();
  }

  grpcClose(call: GrpcCall, code: number, message: string): void {
    if (!this.grpcCalls.has(call.token)) return;
    call.remoteClosed = true;
    this.status = { code, message };
    this.vm.afterCall(() => {
      this.status.message = "";
      if (call.kind === "unary" || call.halfClosed) this.forgetGrpc(call);
    });
    this.vm.enter(this, this.vm.on.proxy_on_grpc_close, call.token, code);
    this.vm.host.settle();
  }

  forgetGrpc(call: GrpcCall): void {
    call.timeout?.cancel();
    this.grpcCalls.delete(call.token);
  }

  /** Calls the module as Envoy's own code would. */
  foreignFunction(id: number, data: Buffer): void {
    this.callData = new Body(data, true);
    this.vm.enter(this, this.vm.on.proxy_on_foreign_function, id, data.length);
    this.callData = NOTHING;
    this.vm.host.settle();
  }
}
