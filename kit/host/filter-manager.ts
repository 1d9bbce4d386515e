// A stream through a chain of filters: both directions, a filter's own answer, and the end. The
// rules are those of Envoy's filter manager.

import { Status } from "./abi.js";
import type { HeaderReader } from "./attributes.js";
import type { LocalReply } from "./context.js";
import { Direction, type Sink, type WayOwner } from "./direction.js";
import { HttpContext } from "./http-context.js";
import { localReplyHeaders } from "./local-reply.js";
import type { PropertyValue } from "./property.js";
import type { RootContext } from "./root-context.js";

/**
 * The content types of a gRPC call for Envoy, without `application/grpc;charset=utf-8` and
 * gRPC-Web.
 */
const GRPC_TYPE = /^application\/grpc($|\+)/;

/** The surroundings of a chain. */
export interface StreamEnds {
  /** Where the request goes after the last filter. */
  readonly toUpstream: Sink;
  /** Where the response goes after the first filter. */
  readonly toClient: Sink;
  /** How many bytes filters may hold, in either direction. */
  readonly bufferLimit: number;
  /** A property's value, or undefined when the stream has none at that path. */
  property(path: string, reader: HeaderReader): PropertyValue | undefined;
  /** Called when it is known why the stream is answered or broken off. */
  onDetails(details: string): void;
  /** Called when a filter, or Envoy for it, has broken the stream off. */
  onReset(): void;
  /**
   * Called when a filter, or Envoy for it, answers, so that nobody waits for the upstream any more.
   * Returns true when the answer is given elsewhere, so that it does not pass this chain's filters.
   */
  takesLocalReply(reply: LocalReply): boolean;
}

const NO_BODY = Buffer.alloc(0);

export class FilterManager implements WayOwner {
  readonly request: Direction;
  readonly response: Direction;
  readonly contexts: readonly HttpContext[];
  /** A filter's own answer, if there was one. */
  localReply: LocalReply | undefined;
  wasReset = false;

  private hasFailed = false;
  /**
   * An answer that was given in a callback of the request, and goes out when the callback returns.
   */
  private prepared: LocalReply | undefined;
  private phase: "open" | "closed" = "open";

  constructor(
    plugins: readonly RootContext[],
    private readonly ends: StreamEnds,
    /** Records every callback that runs: the plugin's name, then the callback's. */
    readonly trace?: string[],
    /**
     * What filters set with `proxy_set_property`. In Envoy this is the request's filter state,
     * which its attempts share.
     */
    public state?: Map<string, Buffer>,
  ) {
    this.contexts = plugins.map((root) => new HttpContext(root, this));
    const requests = this.contexts.map((context) => context.request);
    const responses = this.contexts.map((context) => context.response).reverse();
    this.request = new Direction(requests, ends.toUpstream, this);
    this.response = new Direction(responses, ends.toClient, this);
  }

  get bufferLimit(): number {
    return this.ends.bufferLimit;
  }

  get isClosed(): boolean {
    return this.phase === "closed";
  }

  property(path: string, reader: HeaderReader): PropertyValue | undefined {
    return this.ends.property(path, reader);
  }

  setProperty(path: string, value: Buffer): number {
    this.state ??= new Map();
    this.state.set(path, value);
    return Status.Ok;
  }

  /**
   * Ends the stream, complete or not: it is logged, and its contexts are deleted. A second call
   * does nothing.
   */
  close(): void {
    this.end(true);
  }

  /** The same without the log, as Envoy does with an upstream chain. */
  destroy(): void {
    this.end(false);
  }

  private end(isLogged: boolean): void {
    if (this.phase !== "open") return;
    this.phase = "closed";
    if (isLogged) for (const context of this.contexts) context.log();
    this.request.isAborted = true;
    this.response.isAborted = true;
    for (const context of this.contexts) context.destroy();
  }

  /** A filter broke the stream off. */
  closedByFilter(): void {
    if (this.phase !== "open") return;
    if (this.response.headers === undefined) this.ends.onDetails("wasm_close_stream");
    this.reset();
  }

  private reset(): void {
    if (this.phase !== "open" || this.wasReset) return;
    this.wasReset = true;
    this.request.isAborted = true;
    this.response.isAborted = true;
    this.ends.onReset();
  }

  onOverflow(way: Direction): void {
    const [status, body] = way === this.request ? [413, "Payload Too Large"] : [500, "Internal Server Error"];
    const details = way === this.request ? "request_payload_too_large" : "response_payload_too_large";
    this.reply({ status, body, details, headers: [] });
  }

  /** A filter's VM has ended, so the client gets 503. A second call does nothing. */
  fail(): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.reply({ status: 503, body: "", details: "wasm_fail_stream", headers: [], grpcStatus: 14 });
  }

  /**
   * Answers the client: through the filters' response callbacks; past them if the upstream's
   * response has come already; and with a reset if that response was passed on.
   */
  reply(reply: LocalReply): void {
    if (this.phase !== "open" || this.wasReset) return;
    const { request, response } = this;
    if (request.isRunning) request.isAborted = true;
    else if (response.isRunning) response.isAborted = true;
    this.ends.onDetails(reply.details);
    if (this.ends.takesLocalReply(reply)) {
      request.isAborted = true;
      response.isAborted = true;
      this.localReply = reply;
    } else if (response.headersPassed) this.reset();
    // A second answer in the same callback is dropped, but its details stay.
    else if (request.isRunning) this.prepared ??= reply;
    else this.send(reply);
  }

  /** Whether the request is answered in full. */
  isDone(way: Direction): boolean {
    return way === this.request && this.response.ended;
  }

  onAborted(): void {
    const { prepared } = this;
    if (prepared === undefined) return;
    this.prepared = undefined;
    if (this.phase === "open") this.send(prepared);
  }

  private send(reply: LocalReply): void {
    const { request, response } = this;
    this.localReply = reply;
    const isGrpc = GRPC_TYPE.test(request.headers?.get("content-type") ?? "");
    const headers = localReplyHeaders(reply, isGrpc);
    const isHead = request.headers?.get(":method") === "HEAD";
    const body = isGrpc || isHead || reply.body === "" ? NO_BODY : Buffer.from(reply.body, "latin1");
    const isWhole = body.length === 0;
    if (response.headers === undefined) {
      response.receiveHeaders(headers, isWhole);
      if (!isWhole) response.receiveBody(body, true);
      return;
    }
    response.isAborted = true;
    response.headers = headers;
    response.headersPassed = true;
    this.ends.toClient.headers(headers, isWhole);
    if (!isWhole) this.ends.toClient.data(body, true);
  }
}
