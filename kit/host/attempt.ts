// One attempt of the router: the request through the upstream chain to its upstream, and the answer
// back.

import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../traffic.js";
import type { HeaderReader } from "./attributes.js";
import { checkAnswer } from "./check.js";
import type { LocalReply } from "./context.js";
import type { Sink } from "./direction.js";
import { FilterManager, type StreamEnds } from "./filter-manager.js";
import { HeaderMap } from "./header-map.js";
import type { PropertyValue } from "./property.js";
import type { HostedProxy } from "./proxy.js";
import { refused } from "./proxy-options.js";
import type { ResetReason } from "./retry.js";
import type { RootContext } from "./root-context.js";
import { type AnswerSink, play } from "./script.js";
import { keep, ReceivedRequest, type UpstreamSide } from "./upstream-side.js";

/** The maker of the attempt. */
export interface AttemptOwner {
  /**
   * For an attempt that goes on. When the headers end it, the owner tells the attempt, since only
   * the owner knows whether another one follows.
   */
  onResponseHeaders(attempt: UpstreamAttempt, map: HeaderMap, end: boolean): void;
  onResponseData(bytes: Buffer, end: boolean): void;
  onResponseTrailers(map: HeaderMap): void;
  onReset(attempt: UpstreamAttempt, reason: ResetReason): void;
  onLocalReply(reply: LocalReply): void;
  onDetails(details: string): void;
  /** A filter of the upstream chain broke the stream off. */
  onClosed(): void;
  property(path: string, reader: HeaderReader): PropertyValue | undefined;
  readonly trace: string[];
  /** What filters set with `proxy_set_property`. */
  readonly state: Map<string, Buffer>;
}

/**
 * A request that reached an upstream, or will reach it. The test answers it if the upstream's
 * script did not.
 */
export class UpstreamAttempt implements AnswerSink, StreamEnds {
  /** Its answer has come, or nobody waits for it any more. */
  isOver = false;
  /** What the upstream has got so far; undefined while a filter holds it back. */
  received: ReceivedRequest | undefined;
  readonly toUpstream: Sink;
  readonly toClient: Sink;

  private readonly manager: FilterManager;
  private isAnswered = false;

  constructor(
    private readonly proxy: HostedProxy,
    readonly owner: AttemptOwner,
    readonly upstream: UpstreamSide,
    /** Counts from 1. */
    readonly number: number,
    plugins: readonly RootContext[],
  ) {
    this.toUpstream = new UpstreamSink(this);
    this.toClient = new AnswerPath(this);
    this.manager = new FilterManager(plugins, this, owner.trace, owner.state);
  }

  /** The request, as the upstream has it so far. */
  get request(): UpstreamRequest | undefined {
    return this.received;
  }

  /** Whether a filter of the upstream chain holds it back. */
  get isPaused(): boolean {
    return this.manager.request.isPaused;
  }

  /**
   * Answers for the upstream.
   * @throws MeshwrightError `configuration` when it was answered before, or nobody waits for it any
   * more
   */
  respond(response: UpstreamResponse): void {
    this.proxy.checkOpen();
    checkAnswer(this.upstream.name, response);
    if (this.isAnswered)
      throw refused(`attempt ${this.number} at "${this.upstream.name}" was answered already`);
    if (this.isOver)
      throw refused(`attempt ${this.number} at "${this.upstream.name}" is over: nobody waits for it`);
    this.answer(response);
    this.settle();
  }

  private answer(response: UpstreamResponse): void {
    this.isAnswered = true;
    const { protocol } = this.upstream;
    play(response, this, this.proxy.host.clock, { protocol, method: this.received?.method ?? "" });
  }

  /** Called by the router, which sends. */
  sendHeaders(map: HeaderMap, end: boolean): void {
    this.manager.request.receiveHeaders(map, end);
  }

  sendData(bytes: Buffer, end: boolean): void {
    this.manager.request.receiveBody(bytes, end);
  }

  sendTrailers(map: HeaderMap): void {
    this.manager.request.receiveTrailers(map);
  }

  /** Gives the attempt up: nobody waits for it any more. */
  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.end();
  }

  private end(): void {
    this.proxy.forget(this);
    this.manager.destroy();
  }

  /** Called by its sink, with what the upstream gets. */
  onHeaders(map: HeaderMap, end: boolean): void {
    const { upstream, proxy } = this;
    if (upstream.isStopped) {
      proxy.host.post(() => this.reset("remote connection failure"));
      return;
    }
    this.received = new ReceivedRequest(map, end, upstream.protocol);
    if (end) this.onEnd(this.received);
  }

  onData(bytes: Buffer, end: boolean): void {
    const { received } = this;
    if (received === undefined || received.isWhole || this.isOver) return;
    received.take(bytes);
    if (received.isTooLong) this.onTooLong(received);
    else if (end) this.onEnd(received);
  }

  onTrailers(trailers: HeaderList): void {
    const { received } = this;
    if (received === undefined || received.isWhole || this.isOver) return;
    // A copy, since another attempt's filters may edit the map that holds these.
    if (this.upstream.protocol === "http2")
      received.trailers = trailers.map(([name, value]) => [name, value]);
    this.onEnd(received);
  }

  /** With HTTP/1.1 an upstream waits until the body has the length that the headers say. */
  private onEnd(received: ReceivedRequest): void {
    if (!received.isTooShort) this.onWhole(received);
    else if (this.upstream.protocol === "http2") this.resetLater();
  }

  /**
   * With HTTP/1.1 bytes beyond the length are the upstream's next request, which it cannot parse.
   */
  private onTooLong(received: ReceivedRequest): void {
    if (this.upstream.protocol === "http2") {
      this.resetLater();
      return;
    }
    received.cutToLength();
    received.isWhole = true;
    keep(this.upstream, received);
    this.proxy.host.post(() => {
      if (this.isAnswered || this.isOver) return;
      this.isAnswered = true;
      const refusal: HeaderList = [
        [":status", "400"],
        ["connection", "close"],
      ];
      this.responseHeaders(new HeaderMap(refusal), false);
      this.responseData(Buffer.alloc(0), true);
    });
  }

  private resetLater(): void {
    this.proxy.host.post(() => this.reset("protocol error"));
  }

  private onWhole(received: ReceivedRequest): void {
    received.isWhole = true;
    keep(this.upstream, received);
    this.proxy.host.post(() => {
      if (this.isAnswered || this.isOver) return;
      const response = this.upstream.respond(received, this.number);
      if (response === undefined) return;
      checkAnswer(this.upstream.name, response);
      this.answer(response);
    });
  }

  /**
   * Called by its sink. Returns whether the router still waits. At the end of the answer the
   * upstream chain ends before the router hears of it.
   */
  passes(end: boolean): boolean {
    if (this.isOver) return false;
    if (end) {
      this.isOver = true;
      this.end();
    }
    return true;
  }

  responseHeaders(map: HeaderMap, end: boolean): void {
    const { response } = this.manager;
    if (!response.isAborted) response.receiveHeaders(map, end);
  }

  responseData(bytes: Buffer, end: boolean): void {
    this.manager.response.receiveBody(bytes, end);
  }

  responseTrailers(map: HeaderMap): void {
    if (this.upstream.protocol === "http2") this.manager.response.receiveTrailers(map);
    else this.manager.response.receiveBody(Buffer.alloc(0), true);
  }

  reset(reason: ResetReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.end();
    this.owner.onReset(this, reason);
  }

  settle(): void {
    this.proxy.host.settle();
  }

  /** Used by the chain. */
  get bufferLimit(): number {
    return this.proxy.bufferLimit;
  }

  property(path: string, reader: HeaderReader): PropertyValue | undefined {
    return this.owner.property(path, reader);
  }

  onDetails(details: string): void {
    this.owner.onDetails(details);
  }

  /** A filter of the upstream chain broke the stream off. This also ends the client's stream. */
  onReset(): void {
    this.owner.onClosed();
  }

  /**
   * When a filter of the upstream chain answers, the answer goes to the client and is not retried.
   */
  takesLocalReply(reply: LocalReply): boolean {
    if (this.isOver) return true;
    this.isOver = true;
    this.end();
    this.owner.onLocalReply(reply);
    return true;
  }
}

class UpstreamSink implements Sink {
  constructor(private readonly attempt: UpstreamAttempt) {}

  headers(map: HeaderMap, end: boolean): void {
    this.attempt.onHeaders(map, end);
  }

  data(bytes: Buffer, end: boolean): void {
    this.attempt.onData(bytes, end);
  }

  trailers(map: HeaderMap): void {
    this.attempt.onTrailers(map.entries);
  }
}

class AnswerPath implements Sink {
  constructor(private readonly attempt: UpstreamAttempt) {}

  headers(map: HeaderMap, end: boolean): void {
    const { attempt } = this;
    if (!attempt.isOver) attempt.owner.onResponseHeaders(attempt, map, end);
  }

  data(bytes: Buffer, end: boolean): void {
    if (this.attempt.passes(end)) this.attempt.owner.onResponseData(bytes, end);
  }

  trailers(map: HeaderMap): void {
    if (this.attempt.passes(true)) this.attempt.owner.onResponseTrailers(map);
  }
}
