// A stream through a chain of filters: both ways, the answer of a filter's own, and the end. By the
// rules of Envoy's filter manager.

import { Status } from "./abi.js";
import type { HeaderReader } from "./attributes.js";
import type { LocalReply } from "./context.js";
import { Direction, type Sink, type WayOwner } from "./direction.js";
import { HttpContext } from "./http-context.js";
import { localReplyHeaders } from "./local-reply.js";
import type { PropertyValue } from "./property.js";
import type { RootContext } from "./root-context.js";

/**
 * What Envoy takes for a gRPC call: `application/grpc;charset=utf-8` is none, and no more is
 * gRPC-Web.
 */
const GRPC_TYPE = /^application\/grpc($|\+)/;

/** What stands around a chain. */
export interface StreamEnds {
  /** Where the request goes after the last filter. */
  readonly toUpstream: Sink;
  /** Where the response goes after the first filter. */
  readonly toClient: Sink;
  /** Bytes that filters may hold, either way. */
  readonly bufferLimit: number;
  /** A property's value, or undefined where the stream has none of that path. */
  property(path: string, reader: HeaderReader): PropertyValue | undefined;
  /** Why the stream is answered, or broken off, is known. */
  onDetails(details: string): void;
  /** A filter, or Envoy for it, broke the stream off. */
  onReset(): void;
  /**
   * A filter, or Envoy for it, answers: nobody waits for the upstream any more. True where it is
   * answered elsewhere, so that the answer does not pass this chain's filters.
   */
  takesLocalReply(reply: LocalReply): boolean;
}

const NO_BODY = Buffer.alloc(0);

export class FilterManager implements WayOwner {
  readonly request: Direction;
  readonly response: Direction;
  readonly contexts: readonly HttpContext[];
  /** A filter's own answer, when there was one. */
  localReply: LocalReply | undefined;
  wasReset = false;

  private hasFailed = false;
  /**
   * An answer that goes out when the callback of the request has returned in which it was given.
   */
  private prepared: LocalReply | undefined;
  private phase: "open" | "closed" = "open";

  constructor(
    plugins: readonly RootContext[],
    private readonly ends: StreamEnds,
    /** Where each callback that is entered is noted: the plugin's name, then the callback's. */
    readonly trace?: string[],
    /**
     * What filters set with `proxy_set_property`, in Envoy the filter state of the request: its
     * attempts share it.
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
   * Ends the stream, whole or not: it is logged, and its contexts are gone. A second time does
   * nothing.
   */
  close(): void {
    this.end(true);
  }

  /** The same without the log: what Envoy does with an upstream chain. */
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

  /** A filter's VM has ended: the client gets 503. A second time does nothing. */
  fail(): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.reply({ status: 503, body: "", details: "wasm_fail_stream", headers: [], grpcStatus: 14 });
  }

  /**
   * Answers the client: through the filters' response callbacks, past them where the upstream's
   * response came already, and with a reset where that was passed on.
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
    // A second answer of the same callback is none, and yet it leaves its details.
    else if (request.isRunning) this.prepared ??= reply;
    else this.send(reply);
  }

  /** Of a request that is answered in full. */
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
