// One HTTP stream through one filter: the test drives it, and looks at what the upstream and the client saw.

import { BufferType, HeaderMapType, Status, StreamType } from "./abi.js";
import { type Body, NOTHING } from "./body.js";
import { Context, type LocalReply } from "./context.js";
import { Direction } from "./direction.js";
import { type HeaderList, HeaderMap } from "./header-map.js";
import { localReplyHeaders } from "./local-reply.js";
import { encodeProperty, type PropertyValue } from "./property.js";
import { Received } from "./received.js";
import type { RootContext } from "./root-context.js";
import type { Callback } from "./vm.js";

export interface StreamOptions {
  /** Property values by path, such as `source.address`. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** No body and no trailers follow the request's headers. Default false. */
  readonly endOfStream?: boolean;
}

export class HttpStream extends Context {
  /** What the filter let through to the upstream. */
  readonly upstream = new Received();
  /** What the filter let through to the client. */
  readonly client = new Received();
  /** The filter's own answer, when it gave one. */
  localReply: LocalReply | undefined;
  /** The filter, or Envoy for it, reset the stream. */
  wasReset = false;

  private readonly request: Direction;
  private readonly response: Direction;
  private readonly properties: Readonly<Record<string, PropertyValue>>;
  private state: Map<string, Buffer> | undefined;
  private phase: "open" | "logging" | "closed" = "open";

  /** Opens the stream with its request headers. */
  constructor(
    readonly root: RootContext,
    headers: HeaderList,
    options: StreamOptions = {},
  ) {
    super(root.vm);
    root.addStream();
    this.properties = options.properties ?? NO_PROPERTIES;
    const { on } = this.vm;
    this.request = this.direction(this.upstream, [
      on.proxy_on_request_headers,
      on.proxy_on_request_body,
      on.proxy_on_request_trailers,
    ]);
    this.response = this.direction(this.client, [
      on.proxy_on_response_headers,
      on.proxy_on_response_body,
      on.proxy_on_response_trailers,
    ]);
    this.vm.enter(this, on.proxy_on_context_create, root.id);
    this.request.receiveHeaders(new HeaderMap(headers), options.endOfStream ?? false);
    this.vm.settle();
  }

  private direction(sink: Received, callbacks: readonly (Callback | undefined)[]): Direction {
    const { vm } = this;
    const [headers, body, trailers] = callbacks;
    const isRequest = sink === this.upstream;
    return new Direction({
      sink,
      bufferLimit: vm.options.bufferLimit,
      allowOnHeadersStopIteration: vm.options.allowOnHeadersStopIteration,
      callbacks: {
        headers: headers && ((count, end) => vm.enter(this, headers, count, end ? 1 : 0)),
        body: body && ((size, end) => vm.enter(this, body, size, end ? 1 : 0)),
        trailers: trailers && ((count) => vm.enter(this, trailers, count)),
      },
      onOverflow: () => this.onOverflow(isRequest),
    });
  }

  /** A piece of the request's body comes. */
  requestBody(chunk: string | Buffer, endOfStream = false): void {
    this.request.receiveBody(typeof chunk === "string" ? Buffer.from(chunk) : chunk, endOfStream);
    this.vm.settle();
  }

  requestTrailers(trailers: HeaderList): void {
    this.request.receiveTrailers(new HeaderMap(trailers));
    this.vm.settle();
  }

  /** The upstream answers. */
  responseHeaders(headers: HeaderList, endOfStream = false): void {
    if (!this.response.isAborted) this.response.receiveHeaders(new HeaderMap(headers), endOfStream);
    this.vm.settle();
  }

  responseBody(chunk: string | Buffer, endOfStream = false): void {
    this.response.receiveBody(typeof chunk === "string" ? Buffer.from(chunk) : chunk, endOfStream);
    this.vm.settle();
  }

  responseTrailers(trailers: HeaderList): void {
    this.response.receiveTrailers(new HeaderMap(trailers));
    this.vm.settle();
  }

  /** Ends the stream, whole or not: it is logged, and its context is gone. A second time does nothing. */
  close(): void {
    if (this.phase !== "open") return;
    const { vm } = this;
    this.request.isAborted = true;
    this.response.isAborted = true;
    this.phase = "logging";
    vm.enter(this, vm.on.proxy_on_log);
    this.phase = "closed";
    vm.enter(this, vm.on.proxy_on_done);
    vm.enter(this, vm.on.proxy_on_delete);
    vm.unregister(this);
    this.root.removeStream();
    vm.settle();
  }

  get isClosed(): boolean {
    return this.phase === "closed";
  }

  get isRequestPaused(): boolean {
    return this.request.isPaused;
  }

  get isResponsePaused(): boolean {
    return this.response.isPaused;
  }

  /** The request's headers as they are now, passed on or not. */
  get requestHeaders(): HeaderList {
    return this.request.currentHeaders?.entries ?? [];
  }

  /** What the filter set with `proxy_set_property`. */
  get setProperties(): ReadonlyMap<string, Buffer> {
    return this.state ?? new Map();
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

  /** The log sees all headers, and of the trailers only the response's. */
  private loggedHeaders(type: number): HeaderMap | undefined {
    if (type === HeaderMapType.RequestHeaders) return this.request.currentHeaders;
    if (type === HeaderMapType.ResponseHeaders) return this.client.headerMap;
    if (type === HeaderMapType.ResponseTrailers) return this.client.trailerMap;
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
    const value = this.properties[path];
    if (value !== undefined) return encodeProperty(value);
    return super.property(path) ?? this.state?.get(path);
  }

  override setProperty(path: string, value: Buffer): number {
    this.state ??= new Map();
    this.state.set(path, value);
    return Status.Ok;
  }

  override continueStream(type: number): number {
    if (type === StreamType.Upstream) return Status.Unimplemented;
    if (type === StreamType.Downstream) return Status.Ok;
    const way = type === StreamType.Request ? this.request : this.response;
    this.vm.afterCall(() => way.resume());
    // Envoy forgets the request's maps and not the response's, whichever of the two goes on.
    this.request.hide();
    return Status.Ok;
  }

  override closeStream(type: number): number {
    if (type === StreamType.Request || type === StreamType.Response) this.vm.afterCall(() => this.reset());
    return Status.Ok;
  }

  override sendLocalReply(reply: LocalReply): void {
    this.vm.afterCall(() => this.reply(reply));
  }

  private reset(): void {
    if (this.phase !== "open") return;
    this.wasReset = true;
    this.request.isAborted = true;
    this.response.isAborted = true;
    this.vm.post(() => this.close());
  }

  private onOverflow(isRequest: boolean): void {
    const [status, body] = isRequest ? [413, "Payload Too Large"] : [500, "Internal Server Error"];
    const details = isRequest ? "request_payload_too_large" : "response_payload_too_large";
    this.reply({ status, body, details, headers: [] });
  }

  /**
   * Answers the client: through the filter's response callbacks, past them where the upstream's response came already, and with a reset where
   * that was passed on.
   */
  private reply(reply: LocalReply): void {
    if (this.phase !== "open" || this.localReply !== undefined) return;
    if (this.client.headerMap !== undefined) {
      this.reset();
      return;
    }
    this.localReply = reply;
    this.request.isAborted = true;
    const isGrpc = this.request.currentHeaders?.get("content-type")?.startsWith("application/grpc") ?? false;
    const headers = localReplyHeaders(reply, isGrpc);
    const body = Buffer.from(isGrpc ? "" : reply.body, "latin1");
    const isWhole = body.length === 0;
    if (this.response.hasBegun) {
      this.response.isAborted = true;
      this.client.headers(headers, isWhole);
      if (!isWhole) this.client.receive(body, true);
      return;
    }
    this.response.receiveHeaders(headers, isWhole);
    if (!isWhole) this.response.receiveBody(body, true);
  }
}

const NO_PROPERTIES: Readonly<Record<string, PropertyValue>> = {};
