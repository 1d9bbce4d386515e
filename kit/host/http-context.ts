// One filter in one stream, which a module calls its HTTP context.

import { BufferType, type CallbackName, HeaderMapType, StreamType } from "./abi.js";
import { type Body, NOTHING } from "./body.js";
import { Context, type LocalReply } from "./context.js";
import type { FilterManager } from "./filter-manager.js";
import { FilterSide } from "./filter-side.js";
import type { HeaderMap } from "./header-map.js";
import { encodeProperty, stateKey } from "./property.js";
import type { RootContext } from "./root-context.js";
import { FAILED } from "./vm.js";

export class HttpContext extends Context {
  readonly request = new FilterSide(this, true);
  readonly response = new FilterSide(this, false);
  /** Whether the module knows of it. */
  isCreated = false;

  private phase: "open" | "logging" | "closed" = "open";

  constructor(
    readonly root: RootContext,
    readonly stream: FilterManager,
  ) {
    super(root.vm);
    root.addStream();
  }

  /** Tells the module of the stream, before its first callback. */
  create(): void {
    if (this.isCreated) return;
    this.call("proxy_on_context_create", this.root.id);
    // Set only now, because a filter that ends its stream at once is told of the stream again
    // before it is told of the end.
    this.isCreated = true;
  }

  /** Whether the stream has ended for this filter. */
  get isEnded(): boolean {
    return this.phase === "closed";
  }

  /**
   * Calls a callback that the module exports. A VM that has ended answers nothing, and its streams
   * fail.
   */
  call(name: CallbackName, a = 0, b = 0): number {
    const { vm } = this;
    const callback = vm.on[name];
    if (callback === undefined && !vm.hasEnded) return 0;
    if (callback !== undefined && !vm.hasEnded) this.stream.trace?.push(this.root.plugin, name);
    const status = vm.enter(this, callback, a, b);
    if (status !== FAILED) return status;
    this.onTrap(name);
    return 0;
  }

  /**
   * A stream that the filter was part of when its VM ended does not pass, whatever the policy is.
   */
  override onTrap(name: CallbackName | undefined): void {
    if (name !== undefined && STREAM_CALLBACKS.has(name)) this.stream.fail();
  }

  log(): void {
    this.create();
    this.phase = "logging";
    this.call("proxy_on_log");
    this.phase = "closed";
  }

  destroy(): void {
    this.phase = "closed";
    if (this.isCreated) this.tellEnd();
    this.vm.unregister(this);
    this.root.removeStream();
  }

  private tellEnd(): void {
    this.call("proxy_on_done");
    this.call("proxy_on_delete");
  }

  override get isLogging(): boolean {
    return this.phase === "logging";
  }

  override headers(type: number): HeaderMap | undefined {
    const { request, response } = this;
    if (this.isLogging) return this.loggedHeaders(type);
    if (type === HeaderMapType.RequestHeaders) return request.visibleHeaders;
    if (type === HeaderMapType.RequestTrailers) return request.visibleTrailers;
    if (type === HeaderMapType.ResponseHeaders) return response.visibleHeaders;
    if (type === HeaderMapType.ResponseTrailers) return response.visibleTrailers;
    return super.headers(type);
  }

  /** The log sees all headers, but only the response's trailers. */
  private loggedHeaders(type: number): HeaderMap | undefined {
    const { request, response } = this.stream;
    if (type === HeaderMapType.RequestHeaders) return request.headers;
    if (type === HeaderMapType.ResponseHeaders) return response.headers;
    if (type === HeaderMapType.ResponseTrailers) return response.trailers;
    return type === HeaderMapType.RequestTrailers ? undefined : super.headers(type);
  }

  override editableHeaders(type: number): HeaderMap | undefined {
    const { request, response } = this;
    if (type === HeaderMapType.RequestHeaders) return request.visibleHeaders;
    if (type === HeaderMapType.RequestTrailers) return request.editableTrailers();
    if (type === HeaderMapType.ResponseHeaders) return response.visibleHeaders;
    return type === HeaderMapType.ResponseTrailers ? response.editableTrailers() : undefined;
  }

  override body(type: number): Body | undefined {
    if (type === BufferType.HttpRequestBody) return this.request.visibleBody ?? NOTHING;
    if (type === BufferType.HttpResponseBody) return this.response.visibleBody ?? NOTHING;
    return super.body(type);
  }

  override property(path: string): Uint8Array | undefined {
    const value = this.stream.property(path, this);
    if (value !== undefined) return encodeProperty(value);
    return super.property(path) ?? this.stream.state?.get(stateKey(path));
  }

  override setProperty(path: string, value: Buffer): number {
    return this.stream.setProperty(path, value);
  }

  override continueStream(type: number): number {
    if (type === StreamType.Upstream || type === StreamType.Downstream) return super.continueStream(type);
    const side = type === StreamType.Request ? this.request : this.response;
    this.vm.afterCall(() => side.resume());
    // Envoy forgets the request's maps but not the response's, whichever of the two goes on.
    this.request.hide();
    return super.continueStream(type);
  }

  override closeStream(type: number): number {
    if (type === StreamType.Request || type === StreamType.Response) {
      this.vm.afterCall(() => this.stream.closedByFilter());
    }
    return super.closeStream(type);
  }

  override sendLocalReply(reply: LocalReply): void {
    this.vm.afterCall(() => this.stream.reply(reply));
  }
}

/** The callbacks in which a trap ends the stream. */
const STREAM_CALLBACKS: ReadonlySet<CallbackName> = new Set([
  "proxy_on_request_headers",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_response_headers",
  "proxy_on_response_body",
  "proxy_on_response_trailers",
] as const);
