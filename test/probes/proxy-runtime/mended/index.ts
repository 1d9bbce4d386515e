// What filters cannot do with 0.1.8, where it does not compile, traps, or does something else.

export * from "meshwright/proxy-runtime/proxy";

import {
  BufferTypeValues,
  Context,
  Counter,
  call_foreign_function,
  dequeue_shared_queue,
  enqueue_shared_queue,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  get_property,
  get_shared_data,
  HeaderPair,
  Headers,
  makeHeaderPair,
  RootContext,
  register_shared_queue,
  registerRootContext,
  resolve_shared_queue,
  set_property,
  set_shared_data,
  set_tick_period_milliseconds,
  stream_context,
  WasmResultValues,
} from "meshwright/proxy-runtime";
import { proxy_grpc_call } from "meshwright/proxy-runtime/imports";
import * as runtime from "meshwright/proxy-runtime/runtime";

class MendedRoot extends RootContext {
  counter: Counter = new Counter("mended_requests");
  queue: u32 = 0;
  queued: string = "";
  closed: string = "";

  onConfigure(configuration_size: u32): bool {
    this.queue = register_shared_queue("mended").token;
    set_tick_period_milliseconds(0);
    return super.onConfigure(configuration_size);
  }

  onQueueReady(token: u32): void {
    for (;;) {
      const taken = dequeue_shared_queue(token);
      if (taken.result != WasmResultValues.Ok) return;
      this.queued += String.UTF8.decode(taken.data);
    }
  }

  /** Calls a service of the upstream, which does not speak gRPC. */
  callGrpc(): u32 {
    const cluster = String.UTF8.encode("upstream");
    const name = String.UTF8.encode("probe.Service");
    const token = new runtime.Reference<u32>();
    return proxy_grpc_call(
      changetype<usize>(cluster),
      cluster.byteLength,
      changetype<usize>(name),
      name.byteLength,
      changetype<usize>(name),
      name.byteLength,
      0,
      0,
      1_000,
      token.ptr(),
    );
  }

  on_grpc_close(token: u32, status_code: u32): void {
    const status = runtime.get_status();
    this.closed = status_code.toString() + " " + status.status.toString();
  }

  createContext(context_id: u32): Context {
    return new MendedContext(context_id, this);
  }
}

class MendedContext extends Context {
  private root: MendedRoot;
  private report: Headers = [];

  constructor(context_id: u32, root_context: MendedRoot) {
    super(context_id, root_context);
    this.root = root_context;
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    if (request.get("x-rewrite") != "") request.set_headers(withoutDropped(request.get_headers()));
    if (request.get("x-route") != "") runtime.clear_route_cache();
    if (request.get("x-crowd") != "") request.set_headers(crowd());
    stream_context.headers.response.replace("x-too-early", "1");
    stream_context.headers.response.remove("x-too-early");
    stream_context.trailers.request.set_headers([]);
    if (request.get("x-grpc") != "") this.say("x-grpc-called", this.root.callGrpc().toString());
    this.properties();
    this.sharedData();
    this.others();
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    for (let i = 0; i < this.report.length; i++) {
      const pair = this.report[i];
      stream_context.headers.response.add(String.UTF8.decode(pair.key), String.UTF8.decode(pair.value));
    }
    stream_context.headers.response.add("x-queued", this.root.queued);
    stream_context.headers.response.add("x-grpc-closed", this.root.closed);
    return FilterHeadersStatusValues.Continue;
  }

  private say(name: string, value: string): void {
    this.report.push(makeHeaderPair(name, value));
  }

  private properties(): void {
    this.say("x-no-property", get_property("no\0such").byteLength.toString());
    this.say("x-path", String.UTF8.decode(get_property("request\0path")));
    set_property("mended", String.UTF8.encode("kept"));
    this.say("x-own-property", String.UTF8.decode(get_property("mended")));
  }

  private sharedData(): void {
    const absent = get_shared_data("mended.absent");
    this.say("x-absent", absent.value == null ? "null" : "there");
    set_shared_data("mended", String.UTF8.encode("one"));
    const found = get_shared_data("mended");
    const value = found.value;
    this.say("x-shared", value == null ? "null" : String.UTF8.decode(value));
    set_shared_data("mended", String.UTF8.encode("two"), found.cas as u32);
    const late = set_shared_data("mended", String.UTF8.encode("three"), found.cas as u32);
    this.say("x-late", late == WasmResultValues.CasMismatch ? "mismatch" : "set");
    const buffer = new ArrayBuffer(2);
    const status = runtime.get_shared_data("mended", buffer);
    this.say("x-shared-0-1-8", status.toString() + " " + String.UTF8.decode(buffer));
    this.say("x-set-0-1-8", runtime.set_shared_data("mended").result.toString());
    this.say("x-emptied", get_shared_data("mended").value!.byteLength.toString());
  }

  private others(): void {
    this.root.counter.increment(2);
    const metric = runtime.get_metric(this.root.counter.metric_id);
    this.say("x-metric", metric.result.toString() + " " + metric.data.toString());
    this.say(
      "x-bad-metric",
      this.counterIsRefused(0) && this.counterIsRefused(999_999) ? "refused" : "taken",
    );
    this.say("x-no-function", call_foreign_function("no_such_function", "").byteLength.toString());
    const early = get_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, u32.MAX_VALUE);
    this.say("x-no-body", early.byteLength.toString());
    this.say(
      "x-size",
      runtime.get_header_map_size(runtime.HeaderMapTypeValues.RequestHeaders) > 0 ? "some" : "0",
    );
    const time = runtime.get_current_time_nanoseconds() / 1_000_000_000 > 1_700_000_000;
    this.say("x-time", time ? "now" : "wrong");
    const same =
      runtime.getContext(this.context_id) == this &&
      runtime.getRootContext(this.root.context_id) == this.root;
    this.say("x-same", same ? "yes" : "no");
    const queue = resolve_shared_queue("mended", "mended");
    this.say("x-queue", queue.token == this.root.queue ? "same" : "other");
    enqueue_shared_queue(queue.token, String.UTF8.encode("+"));
    this.say("x-no-queue", dequeue_shared_queue(999).result == WasmResultValues.NotFound ? "none" : "some");
  }

  private counterIsRefused(id: u32): bool {
    return runtime.increment_metric(id, 1) != WasmResultValues.Ok;
  }
}

/** All headers except those whose name starts with `x-drop`, and one more. */
function withoutDropped(all: Headers): Headers {
  const kept: Headers = [];
  for (let i = 0; i < all.length; i++) {
    if (!String.UTF8.decode(all[i].key).startsWith("x-drop")) kept.push(all[i]);
  }
  kept.push(new HeaderPair(String.UTF8.encode("x-rewritten"), String.UTF8.encode("été")));
  return kept;
}

/** More headers than the host accepts. */
function crowd(): Headers {
  const headers: Headers = [];
  for (let i = 0; i < 1_025; i++) headers.push(makeHeaderPair("x-crowd-" + i.toString(), ""));
  return headers;
}

registerRootContext((context_id: u32) => {
  return new MendedRoot(context_id);
}, "probe");
