// One HTTP stream through one filter. The test drives it, and looks at what the upstream and the
// client saw.

import type { HeaderList } from "../traffic.js";
import { HeaderMapType } from "./abi.js";
import { type AttributeSource, attribute, type HeaderReader, isPlain } from "./attributes.js";
import type { LocalReply } from "./context.js";
import { FilterManager, type StreamEnds } from "./filter-manager.js";
import { HeaderMap } from "./header-map.js";
import type { PropertyValue } from "./property.js";
import { Received } from "./received.js";
import type { RootContext } from "./root-context.js";

export interface StreamOptions {
  /** Property values by path, such as `source.address`. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** Whether neither body nor trailers follow the request's headers. Default false. */
  readonly endOfStream?: boolean;
}

/** There is no router, whose attempts and sizes attributes could tell. */
const ALONE = { protocol: "http1", details: "", attempts: 0, flags: "", sizes: { request: 0, response: 0 } };

export class HttpStream implements StreamEnds {
  /** What the filter let through to the upstream. */
  readonly upstream = new Received();
  /** What the filter let through to the client. */
  readonly client = new Received();

  private readonly manager: FilterManager;
  private readonly openedAt: number;
  private readonly properties: Readonly<Record<string, PropertyValue>>;

  /** Opens the stream with its request headers. */
  constructor(
    private readonly root: RootContext,
    headers: HeaderList,
    options: StreamOptions = {},
  ) {
    this.properties = options.properties ?? NO_PROPERTIES;
    this.openedAt = root.vm.host.clock.milliseconds;
    this.manager = new FilterManager([root], this);
    this.manager.request.receiveHeaders(new HeaderMap(headers), options.endOfStream ?? false);
    this.settle();
  }

  /** The filter's own answer, if it gave one. */
  get localReply(): LocalReply | undefined {
    return this.manager.localReply;
  }

  /** Whether the filter, or Envoy for it, reset the stream. */
  get wasReset(): boolean {
    return this.manager.wasReset;
  }

  get isClosed(): boolean {
    return this.manager.isClosed;
  }

  get isRequestPaused(): boolean {
    return this.manager.request.isPaused;
  }

  get isResponsePaused(): boolean {
    return this.manager.response.isPaused;
  }

  /** The request's current headers, passed on or not. */
  get requestHeaders(): HeaderList {
    return this.manager.request.headers?.entries ?? [];
  }

  /** What the filter set with `proxy_set_property`. */
  get setProperties(): ReadonlyMap<string, Buffer> {
    return this.manager.state ?? new Map();
  }

  /** Sends a piece of the request's body. */
  requestBody(chunk: string | Buffer, endOfStream = false): void {
    this.manager.request.receiveBody(bytesOf(chunk), endOfStream);
    this.settle();
  }

  requestTrailers(trailers: HeaderList): void {
    this.manager.request.receiveTrailers(new HeaderMap(trailers));
    this.settle();
  }

  /** The upstream answers. */
  responseHeaders(headers: HeaderList, endOfStream = false): void {
    const { response } = this.manager;
    if (!response.isAborted) response.receiveHeaders(new HeaderMap(headers), endOfStream);
    this.settle();
  }

  responseBody(chunk: string | Buffer, endOfStream = false): void {
    this.manager.response.receiveBody(bytesOf(chunk), endOfStream);
    this.settle();
  }

  responseTrailers(trailers: HeaderList): void {
    this.manager.response.receiveTrailers(new HeaderMap(trailers));
    this.settle();
  }

  /**
   * Ends the stream, complete or not: it is logged, and its context is deleted. A second call does
   * nothing.
   */
  close(): void {
    this.manager.close();
    this.settle();
  }

  private settle(): void {
    this.root.vm.host.settle();
  }

  /** Used by the chain, as are the members below. */
  get toUpstream(): Received {
    return this.upstream;
  }

  get toClient(): Received {
    return this.client;
  }

  get bufferLimit(): number {
    return this.root.vm.options.bufferLimit;
  }

  property(path: string, reader: HeaderReader): PropertyValue | undefined {
    const given = this.properties[path];
    return given === undefined && isPlain(path) ? attribute(path, this.attributeSource(reader)) : given;
  }

  private attributeSource(reader: HeaderReader): AttributeSource {
    return {
      exchange: ALONE,
      request: reader.headers(HeaderMapType.RequestHeaders),
      response: reader.headers(HeaderMapType.ResponseHeaders),
      responseTrailers: reader.headers(HeaderMapType.ResponseTrailers),
      status: this.manager.response.headers?.get(":status"),
      openedAt: this.openedAt,
      route: () => undefined,
      cluster: () => undefined,
    };
  }

  onDetails(): void {}

  onReset(): void {
    this.manager.close();
  }

  takesLocalReply(): boolean {
    return false;
  }
}

const NO_PROPERTIES: Readonly<Record<string, PropertyValue>> = {};

function bytesOf(chunk: string | Buffer): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
