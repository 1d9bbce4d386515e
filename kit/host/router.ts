// The end of the downstream chain. It sends a request to its upstream, tries again when it should,
// and watches the time.

import type { AttemptOwner, UpstreamAttempt } from "./attempt.js";
import type { HeaderReader } from "./attributes.js";
import type { Body } from "./body.js";
import type { Alarm } from "./clock.js";
import type { LocalReply } from "./context.js";
import type { Sink } from "./direction.js";
import type { HeaderMap } from "./header-map.js";
import type { PropertyValue } from "./property.js";
import type { HostedProxy } from "./proxy.js";
import { FLAG_OF_RESET, type ResponseFlag } from "./response-flags.js";
import { type ResetReason, retriesReset, retriesResponse } from "./retry.js";
import type { Limits, Route } from "./routes.js";
import { resetText } from "./upstream-side.js";

/** The stream whose chain the router ends. */
export interface RouterOwner {
  readonly trace: string[];
  readonly state: Map<string, Buffer>;
  readonly worker: number;
  /** The part of the request's body that is kept for another attempt. */
  readonly keptBody: Body | undefined;
  property(path: string, reader: HeaderReader): PropertyValue | undefined;
  responseHeaders(map: HeaderMap, end: boolean): void;
  responseData(bytes: Buffer, end: boolean): void;
  responseTrailers(map: HeaderMap): void;
  reply(reply: LocalReply): void;
  onDetails(details: string): void;
  /** Breaks the stream off. */
  onReset(): void;
  /** Called when the upstream broke off within its response. */
  breakOff(details: string): void;
  flag(flag: ResponseFlag): void;
}

/**
 * The longest first wait before another attempt, in milliseconds. The wait is a random part of it,
 * and the limit doubles each time.
 */
const BACKOFF_MS = 25;
const MOST_BACKOFF_MS = 250;

const REFUSED: ResetReason = "remote connection failure";
const TIMEOUT_TEXT = "upstream request timeout";

export class Router implements Sink, AttemptOwner {
  route: Route | undefined;
  /** The number of attempts. */
  attempts = 0;

  private limits: Limits | undefined;
  private map: HeaderMap | undefined;
  private sentTrailers: HeaderMap | undefined;
  private isWhole = false;
  private wholeAt = 0;
  private attempt: UpstreamAttempt | undefined;
  /**
   * Earlier attempts of a request that a filter continued twice. Envoy makes both attempts, and
   * sends what follows to the last.
   */
  private readonly orphans: UpstreamAttempt[] = [];
  private responseStarted = false;
  private isOver = false;
  private timeout: Alarm | undefined;
  private perTry: Alarm | undefined;
  private backoff: Alarm | undefined;

  constructor(
    private readonly proxy: HostedProxy,
    private readonly owner: RouterOwner,
  ) {}

  get trace(): string[] {
    return this.owner.trace;
  }

  get state(): Map<string, Buffer> {
    return this.owner.state;
  }

  headers(map: HeaderMap, end: boolean): void {
    const { proxy } = this;
    if (this.attempt !== undefined) this.orphans.push(this.attempt);
    this.map = map;
    this.isWhole = end;
    this.route = proxy.routes.routeOf(map);
    this.limits = proxy.routes.limitsOf(map);
    // Envoy counts before it changes the host. The count of later attempts replaces this one.
    map.set("x-envoy-attempt-count", `${this.attempts + 1}`);
    proxy.routes.rewriteHost(map, this.route.cluster);
    this.try();
    if (end) this.onWhole();
  }

  /** Whether the body is kept for another attempt. */
  get keepsBody(): boolean {
    return this.limits?.retries !== undefined;
  }

  data(bytes: Buffer, end: boolean): void {
    if (this.isOver || this.isWhole) return;
    if (end) this.isWhole = true;
    this.attempt?.sendData(bytes, end);
    if (end) this.onWhole();
  }

  trailers(map: HeaderMap): void {
    if (this.isOver || this.isWhole) return;
    this.isWhole = true;
    this.sentTrailers = map;
    this.attempt?.sendTrailers(map);
    this.onWhole();
  }

  /** The stream has ended, so everything that is under way ends too. */
  end(): void {
    this.isOver = true;
    this.endTimers();
    this.backoff?.cancel();
    this.cancel();
  }

  /** Gives up all attempts except `kept`. */
  cancel(kept?: UpstreamAttempt): void {
    for (const attempt of this.orphans) if (attempt !== kept) attempt.cancel();
    if (this.attempt !== kept) this.attempt?.cancel();
  }

  property(path: string, reader: HeaderReader): PropertyValue | undefined {
    return this.owner.property(path, reader);
  }

  private try(): void {
    const { proxy, map, route } = this;
    if (map === undefined || route === undefined) return;
    this.attempts++;
    map.set("x-envoy-attempt-count", `${this.attempts}`);
    this.attempt = proxy.attempt(this, route.cluster, this.attempts, this.owner.worker);
    this.attempt.sendHeaders(
      map,
      this.isWhole && this.owner.keptBody === undefined && this.sentTrailers === undefined,
    );
  }

  private tryAgain(): void {
    const { limits, map, sentTrailers, isWhole } = this;
    if (limits === undefined || map === undefined) return;
    const left = limits.timeoutMs - (this.proxy.host.clock.elapsedMs - this.wholeAt);
    const expected = limits.perTryMs > 0 ? Math.min(limits.perTryMs, left) : left;
    if (limits.timeoutMs > 0)
      map.set("x-envoy-expected-rq-timeout-ms", `${Math.max(0, Math.round(expected))}`);
    this.try();
    // The kept bytes go out as one piece.
    const kept = this.owner.keptBody?.bytes();
    if (kept !== undefined) this.attempt?.sendData(kept, isWhole && sentTrailers === undefined);
    if (sentTrailers !== undefined) this.attempt?.sendTrailers(sentTrailers);
    if (isWhole) this.awaitTry();
    this.proxy.host.settle();
  }

  /** The timeout counts from the end of the request. */
  private onWhole(): void {
    const { limits, isOver } = this;
    if (limits === undefined || isOver) return;
    const { clock } = this.proxy.host;
    this.wholeAt = clock.elapsedMs;
    if (limits.timeoutMs > 0) this.timeout = clock.after(limits.timeoutMs, () => this.onTimeout());
    this.awaitTry();
  }

  private awaitTry(): void {
    const { limits, attempt, isOver } = this;
    if (limits === undefined || limits.perTryMs <= 0 || isOver) return;
    this.perTry = this.proxy.host.clock.after(limits.perTryMs, () => {
      if (attempt === undefined || attempt.isOver || this.responseStarted) return;
      attempt.cancel();
      if (!this.retryReset("local reset")) {
        this.owner.flag("UT");
        this.timeOut("upstream_per_try_timeout");
      }
      this.proxy.host.settle();
    });
  }

  private onTimeout(): void {
    this.owner.flag("UT");
    this.timeOut("response_timeout");
    this.proxy.host.settle();
  }

  private timeOut(details: string): void {
    this.attempt?.cancel();
    if (this.responseStarted) this.owner.breakOff(details);
    else this.reply(504, TIMEOUT_TEXT, details);
  }

  private reply(status: number, body: string, details: string): void {
    this.owner.reply({ status, body, details, headers: [] });
  }

  /** Returns false when no attempt is left, or none must follow. */
  private retryReset(reason: ResetReason): boolean {
    const retries = this.limits?.retries;
    return retries !== undefined && !this.responseStarted && retriesReset(retries, reason) && this.retry();
  }

  private retry(): boolean {
    const limit = this.limits?.retries?.limit ?? 0;
    if (this.attempts > limit) {
      this.owner.flag("URX");
      return false;
    }
    const { host, random } = this.proxy;
    const most = Math.min(BACKOFF_MS * 2 ** (this.attempts - 1), MOST_BACKOFF_MS);
    this.perTry?.cancel();
    this.backoff = host.clock.after(random.below(most), () => this.tryAgain());
    return true;
  }

  onResponseHeaders(attempt: UpstreamAttempt, map: HeaderMap, end: boolean): void {
    const retries = this.limits?.retries;
    const isRetried = !this.isOver && retries !== undefined && retriesResponse(retries, map) && this.retry();
    // Filters of an attempt that ends here can read in the response flags that no other follows.
    if (end || isRetried) attempt.cancel();
    if (this.isOver || isRetried) return;
    this.responseStarted = true;
    if (this.orphans.length > 0) this.cancel(attempt);
    this.perTry?.cancel();
    this.owner.onDetails("via_upstream");
    map.set("x-envoy-upstream-service-time", `${Math.round(this.proxy.host.clock.elapsedMs - this.wholeAt)}`);
    if (end) this.endTimers();
    this.owner.responseHeaders(map, end);
  }

  onResponseData(bytes: Buffer, end: boolean): void {
    if (this.isOver || !this.responseStarted) return;
    if (end) this.endTimers();
    this.owner.responseData(bytes, end);
  }

  onResponseTrailers(map: HeaderMap): void {
    if (this.isOver || !this.responseStarted) return;
    this.endTimers();
    this.owner.responseTrailers(map);
  }

  private endTimers(): void {
    this.timeout?.cancel();
    this.perTry?.cancel();
  }

  onReset(_attempt: UpstreamAttempt, reason: ResetReason): void {
    if (this.isOver || this.retryReset(reason)) return;
    this.endTimers();
    this.owner.flag(FLAG_OF_RESET[reason]);
    const text = reason.replaceAll(" ", "_");
    if (this.responseStarted) {
      this.owner.breakOff(`upstream_reset_after_response_started{${text}}`);
      return;
    }
    const failure = reason === REFUSED ? "|delayed_connect_error:_Connection_refused" : "";
    this.reply(
      reason === "protocol error" ? 502 : 503,
      resetText(reason, this.attempts),
      `upstream_reset_before_response_started{${text}${failure}}`,
    );
  }

  onLocalReply(reply: LocalReply): void {
    this.endTimers();
    this.owner.reply(reply);
  }

  onDetails(details: string): void {
    this.owner.onDetails(details);
  }

  onClosed(): void {
    this.owner.onReset();
  }
}
