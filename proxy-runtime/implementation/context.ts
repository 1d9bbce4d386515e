// The classes that a filter extends. They have only the defaults; `adapters.ts` calls them.

import { proxy_http_call } from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_WORD } from "../../assembly/abi/memory";
import { Status } from "../../assembly/abi/types";
import { encodeHeaders, Headers } from "./header-pairs";
import { continue_request, done, get_buffer_bytes, log, proxy_set_effective_context } from "./host";
import { encode } from "./text";
import {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterMetadataStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  LogLevelValues,
  PeerTypeValues,
  WasmResultValues,
} from "./values";

/** What a plugin and a stream have in common. */
export abstract class BaseContext {
  /** The host's number for this context. */
  context_id: u32;

  constructor(context_id_: u32) {
    this.context_id = context_id_;
  }

  /** Lets the current stream's paused request go on. */
  continueRequest(): void {
    continue_request();
  }

  /** The plugin or stream ends. With false the context lives on until `done`. */
  onDone(): bool {
    return true;
  }

  /** The context is gone. */
  onDelete(): void {}
}

/** The receiver of an HTTP call's response. */
export class HttpCallback {
  origin_context: BaseContext;
  cb: (origin_context: Context, headers: u32, body_size: usize, trailers: u32) => void;

  constructor(
    origin_context: BaseContext,
    cb: (origin_context: Context, headers: u32, body_size: usize, trailers: u32) => void,
  ) {
    this.origin_context = origin_context;
    this.cb = cb;
  }

  /**
   * The cast lets `cb` also be a function whose first parameter is a `BaseContext`, so that a root
   * context may be the origin.
   */
  call(headers: u32, body_size: usize, trailers: u32): void {
    this.cb(changetype<Context>(this.origin_context), headers, body_size, trailers);
  }
}

/** One plugin, with its configuration. */
export class RootContext extends BaseContext {
  private configuration_: string = "";
  private http_calls_: Map<u32, HttpCallback> = new Map<u32, HttpCallback>();

  constructor(context_id: u32) {
    super(context_id);
  }

  /** The plugin's configuration, once `onConfigure` has run. */
  getConfiguration(): string {
    return this.configuration_;
  }

  /** A context for a new stream. */
  createContext(context_id: u32): Context {
    return new Context(context_id, this);
  }

  /**
   * Calls back for every call that waits for its response, as if it had failed. `onDone` calls it.
   */
  cancelPendingRequests(): void {
    const waiting = this.http_calls_.values();
    this.http_calls_.clear();
    for (let i = 0; i < waiting.length; i++) waiting[i].call(0, 0, 0);
  }

  /** Envoy never calls it. */
  validateConfiguration(configuration_size: usize): bool {
    return true;
  }

  /**
   * Reads the configuration. If a filter overrides it without calling it, `getConfiguration`
   * returns `""`.
   */
  onConfigure(configuration_size: u32): bool {
    const bytes = get_buffer_bytes(BufferTypeValues.PluginConfiguration, 0, configuration_size);
    this.configuration_ = String.UTF8.decode(bytes);
    return true;
  }

  onStart(vm_configuration_size: usize): bool {
    return true;
  }

  onTick(): void {}

  onQueueReady(token: u32): void {}

  onDone(): bool {
    this.cancelPendingRequests();
    return true;
  }

  /** Ends a plugin whose `onDone` returned false. */
  done(): void {
    proxy_set_effective_context(this.context_id);
    done();
  }

  /**
   * Calls a service in a cluster.
   * @param headers with `:method`, `:path` and `:authority`
   * @param timeout_milliseconds the time after which the call has failed
   * @param origin_context the argument of `cb`: the stream or the plugin that makes the call
   * @param cb gets the number of response headers, 0 when the call failed; the size of the body;
   * the number of trailers. Its first parameter is a `Context`, as in 0.1.8, or a `BaseContext`, as
   * in later releases: the compiler takes a function of one type alone, hence `T`.
   * @returns with another status than `Ok`, `cb` is never called
   */
  httpCall<T extends BaseContext = Context>(
    cluster: string,
    headers: Headers,
    body: ArrayBuffer,
    trailers: Headers,
    timeout_milliseconds: u32,
    origin_context: BaseContext,
    cb: (origin_context: T, headers: u32, body_size: usize, trailers: u32) => void,
  ): WasmResultValues {
    const name = encode(cluster);
    const head = encodeHeaders(headers);
    const tail = encodeHeaders(trailers);
    store<u32>(OUT_WORD, 0);
    const status: WasmResultValues = proxy_http_call(
      name.ptr,
      name.size,
      head.ptr,
      head.size,
      changetype<usize>(body),
      body.byteLength,
      tail.ptr,
      tail.size,
      timeout_milliseconds,
      OUT_WORD,
    );
    if (status != Status.Ok) return status;
    const callback =
      changetype<(origin_context: Context, headers: u32, body_size: usize, trailers: u32) => void>(cb);
    this.http_calls_.set(load<u32>(OUT_WORD), new HttpCallback(origin_context, callback));
    return status;
  }

  /** A call's response has arrived: makes its origin the current context and calls back. */
  onHttpCallResponse(token: u32, headers: u32, body_size: u32, trailers: u32): void {
    if (!this.http_calls_.has(token)) return;
    const waiting = this.http_calls_.get(token);
    this.http_calls_.delete(token);
    proxy_set_effective_context(waiting.origin_context.context_id);
    waiting.call(headers, body_size, trailers);
  }

  on_grpc_receive_initial_metadata(token: u32, headers: u32): void {}

  on_grpc_trailing_metadata(token: u32, trailers: u32): void {}

  on_grpc_receive(token: u32, response_size: u32): void {}

  on_grpc_close(token: u32, status_code: u32): void {}
}

/** One stream. */
export class Context extends BaseContext {
  root_context: RootContext;

  constructor(context_id_: u32, root_context: RootContext) {
    super(context_id_);
    this.root_context = root_context;
  }

  /** A stream makes no contexts: traps. */
  createContext(): Context {
    log(LogLevelValues.critical, "only a root context makes contexts");
    throw new Error("only a root context makes contexts");
  }

  onNewConnection(): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onDownstreamData(size: usize, end: bool): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onUpstreamData(size: usize, end: bool): FilterStatusValues {
    return FilterStatusValues.Continue;
  }

  onDownstreamConnectionClose(t: PeerTypeValues): void {}

  onUpstreamConnectionClose(t: PeerTypeValues): void {}

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onRequestMetadata(a: u32): FilterMetadataStatusValues {
    return FilterMetadataStatusValues.Continue;
  }

  onRequestBody(body_buffer_length: usize, end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onRequestTrailers(a: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    return FilterHeadersStatusValues.Continue;
  }

  onResponseMetadata(a: u32): FilterMetadataStatusValues {
    return FilterMetadataStatusValues.Continue;
  }

  onResponseBody(body_buffer_length: usize, end_of_stream: bool): FilterDataStatusValues {
    return FilterDataStatusValues.Continue;
  }

  onResponseTrailers(s: u32): FilterTrailersStatusValues {
    return FilterTrailersStatusValues.Continue;
  }

  /** The stream is written to the access log. */
  onLog(): void {}

  /** Makes the host calls that follow be about this stream. */
  setEffectiveContext(): WasmResultValues {
    return proxy_set_effective_context(this.context_id);
  }
}
