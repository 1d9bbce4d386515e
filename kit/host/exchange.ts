// One client's request through the whole proxy, as the test drives it and looks at it.

import { piecesOf } from "../body-pieces.js";
import type { ClientRequest, ClientResponse, HeaderList } from "../traffic.js";
import { HeaderMapType } from "./abi.js";
import { attribute, type HeaderReader } from "./attributes.js";
import type { Body } from "./body.js";
import { checkHeaders } from "./check.js";
import { ClientSide, finishResponse, type Protocol } from "./client-side.js";
import type { LocalReply } from "./context.js";
import type { Sink } from "./direction.js";
import { FilterManager, type StreamEnds } from "./filter-manager.js";
import { HeaderMap } from "./header-map.js";
import type { PropertyValue } from "./property.js";
import type { HostedProxy } from "./proxy.js";
import { refused } from "./proxy-options.js";
import { flagsText, type ResponseFlag } from "./response-flags.js";
import type { RootContext } from "./root-context.js";
import { Router, type RouterOwner } from "./router.js";
import { lower } from "./script.js";

export class HostedExchange implements StreamEnds, RouterOwner {
  /** What the client got. Set once the response is complete, or the stream was broken off. */
  response: ClientResponse | undefined;
  /** Envoy's response-code details, as in its access log; "" while there is no response. */
  details = "";
  readonly toClient: Sink;
  readonly trace: string[] = [];
  readonly state = new Map<string, Buffer>();

  private readonly client: ClientSide;
  private readonly router: Router;
  private readonly manager: FilterManager;
  private readonly flagged = new Set<ResponseFlag>();
  private readonly openedAt: number;
  private requestEnded = false;
  private received = 0;

  constructor(
    private readonly proxy: HostedProxy,
    /** The worker that serves it, from 0. */
    readonly worker: number,
    readonly protocol: Protocol,
    plugins: readonly RootContext[],
    private readonly given: Readonly<Record<string, PropertyValue>> | undefined,
    closes: boolean,
  ) {
    this.openedAt = proxy.host.clock.milliseconds;
    this.client = new ClientSide(protocol, closes);
    this.router = new Router(proxy, this);
    this.toClient = new ClientSink(this);
    this.manager = new FilterManager(plugins, this, this.trace, this.state);
  }

  /** A filter's own answer, if there was one. */
  get localReply(): LocalReply | undefined {
    return this.manager.localReply;
  }

  /** The traps of the proxy's filters so far. */
  get traps(): HostedProxy["traps"] {
    return this.proxy.traps;
  }

  /** Envoy's response flags, as in its access log: `-` for none. */
  get flags(): string {
    return flagsText(this.flagged);
  }

  /**
   * The route's name, and the cluster to which it leads; undefined when no filter let the request
   * through.
   */
  get route(): string | undefined {
    return this.router.route?.name;
  }

  get cluster(): string | undefined {
    return this.router.route?.cluster;
  }

  /** The number of attempts. */
  get attempts(): number {
    return this.router.attempts;
  }

  /** The callbacks that ran, in order, as `FILTER:CALLBACK`, such as `auth:on_request_headers`. */
  get callbacks(): readonly string[] {
    const list: string[] = [];
    for (let i = 0; i < this.trace.length; i += 2) {
      list.push(`${this.trace[i]}:${this.trace[i + 1]?.replace("proxy_", "")}`);
    }
    return list;
  }

  /** The request's current headers. */
  get requestHeaders(): HeaderList {
    return this.manager.request.headers?.entries ?? [];
  }

  /** The headers that went to the client, `:status` first; undefined while there are none. */
  get headersSoFar(): HeaderList | undefined {
    return this.client.headers?.entries;
  }

  /** The bytes of the request's body that came, and of the response's body that went out. */
  get sizes(): { readonly request: number; readonly response: number } {
    return {
      request: this.received,
      response: this.client.pieces.reduce((sum, piece) => sum + piece.length, 0),
    };
  }

  /** The response's body so far. */
  get bodySoFar(): string {
    return Buffer.concat(this.client.pieces).toString("utf8");
  }

  /** Whether a filter holds the request back. */
  get isRequestPaused(): boolean {
    return this.manager.request.isPaused;
  }

  /** Whether a filter holds the response back. */
  get isResponsePaused(): boolean {
    return this.manager.response.isPaused;
  }

  /**
   * The client sends a piece of the body.
   * @throws MeshwrightError `configuration` when the request has ended
   */
  sendBody(piece: string | Uint8Array): void {
    this.checkOpen("sendBody");
    this.received += Buffer.byteLength(piece);
    this.manager.request.receiveBody(Buffer.from(piece as string), false);
    this.proxy.host.settle();
  }

  /** The client sends trailers, which end the request. With HTTP/1.1 Envoy drops them. */
  sendTrailers(trailers: HeaderList): void {
    this.checkOpen("sendTrailers");
    checkHeaders("sendTrailers", trailers);
    this.requestEnded = true;
    if (this.protocol === "http2") this.manager.request.receiveTrailers(new HeaderMap(lower(trailers)));
    else this.manager.request.receiveBody(Buffer.alloc(0), true);
    this.proxy.host.settle();
  }

  /** The client ends the request. */
  end(): void {
    this.checkOpen("end");
    this.requestEnded = true;
    this.manager.request.receiveBody(Buffer.alloc(0), true);
    this.proxy.host.settle();
  }

  /** The client breaks the stream off. Does nothing when the stream has ended. */
  cancel(): void {
    if (this.response !== undefined) return;
    const isStream = this.protocol === "http2";
    this.flag(isStream ? "DR" : "DC");
    this.finish("reset", isStream ? "http2.remote_reset" : "downstream_remote_disconnect");
    this.proxy.host.settle();
  }

  private checkOpen(verb: string): void {
    if (this.requestEnded) throw refused(`${verb}: the request has ended already`);
    this.proxy.checkOpen();
  }

  /** Called by the proxy: the request comes in, with the pieces of its body. */
  begin(map: HeaderMap | undefined, request: ClientRequest, isWhole: boolean): void {
    const { manager } = this;
    const pieces = piecesOf(request.body);
    const hasBody = request.body !== undefined || request.trailers !== undefined;
    if (map === undefined) {
      this.requestEnded = true;
      this.replyWithoutFilters(400, "path_normalization_failed");
      return;
    }
    manager.request.receiveHeaders(map, isWhole && (!hasBody || (pieces.length === 0 && !request.trailers)));
    if (!isWhole) return;
    this.requestEnded = true;
    if (!hasBody || (pieces.length === 0 && !request.trailers)) return;
    this.sendPieces(pieces, request.trailers);
  }

  /** The end comes alone, after the last piece. */
  private sendPieces(pieces: readonly Buffer[], trailers: HeaderList | undefined): void {
    const { request } = this.manager;
    for (const piece of pieces) {
      this.received += piece.length;
      request.receiveBody(Buffer.from(piece), false);
    }
    if (trailers !== undefined && this.protocol === "http2") {
      request.receiveTrailers(new HeaderMap(lower(trailers)));
    } else request.receiveBody(Buffer.alloc(0), true);
  }

  private replyWithoutFilters(status: number, details: string): void {
    const map = new HeaderMap([[":status", `${status}`]]);
    this.details = details;
    this.onClientHeaders(map, true);
  }

  /** Called by its sink, with what the client gets. */
  onClientHeaders(map: HeaderMap, end: boolean): void {
    finishResponse(map, this.proxy.host.clock);
    this.client.receiveHeaders(new HeaderMap(map.entries), end && !this.isHead);
    if (end) this.finish("whole", this.details);
  }

  private get isHead(): boolean {
    return this.manager.request.headers?.get(":method") === "HEAD";
  }

  onClientData(bytes: Buffer, end: boolean): void {
    if (bytes.length > 0) this.client.pieces.push(bytes);
    if (end) this.finish("whole", this.details);
  }

  onClientTrailers(map: HeaderMap): void {
    this.client.receiveTrailers(map);
    this.finish("whole", this.details);
  }

  private finish(end: ClientResponse["end"], details: string): void {
    if (this.response !== undefined) return;
    this.details = details;
    this.response = this.client.response(end, this.isHead);
    this.requestEnded = true;
    this.manager.close();
    this.router.end();
  }

  responseHeaders(map: HeaderMap, end: boolean): void {
    const { response } = this.manager;
    if (!response.isAborted) response.receiveHeaders(map, end);
  }

  responseData(bytes: Buffer, end: boolean): void {
    this.manager.response.receiveBody(bytes, end);
  }

  responseTrailers(map: HeaderMap): void {
    this.manager.response.receiveTrailers(map);
  }

  reply(reply: LocalReply): void {
    this.manager.reply(reply);
  }

  breakOff(details: string): void {
    this.finish("reset", details);
  }

  flag(flag: ResponseFlag): void {
    this.flagged.add(flag);
  }

  get toUpstream(): Sink {
    return this.router;
  }

  get keptBody(): Body | undefined {
    return this.manager.request.held;
  }

  get bufferLimit(): number {
    return this.proxy.bufferLimit;
  }

  property(path: string, reader: HeaderReader): PropertyValue | undefined {
    return (
      this.given?.[path] ??
      attribute(path, {
        exchange: this,
        request: reader.headers(HeaderMapType.RequestHeaders),
        response: reader.headers(HeaderMapType.ResponseHeaders),
        responseTrailers: reader.headers(HeaderMapType.ResponseTrailers),
        status: this.manager.response.headers?.get(":status"),
        openedAt: this.openedAt,
        route: () => this.route ?? this.proxy.routeNow(this.manager.request.headers)?.name,
        cluster: () => this.cluster ?? this.proxy.routeNow(this.manager.request.headers)?.cluster,
      })
    );
  }

  onDetails(details: string): void {
    this.details = details;
  }

  onReset(): void {
    this.finish("reset", this.details);
  }

  takesLocalReply(): boolean {
    this.router.cancel();
    return false;
  }
}

class ClientSink implements Sink {
  constructor(private readonly exchange: HostedExchange) {}

  headers(map: HeaderMap, end: boolean): void {
    this.exchange.onClientHeaders(map, end);
  }

  data(bytes: Buffer, end: boolean): void {
    this.exchange.onClientData(bytes, end);
  }

  trailers(map: HeaderMap): void {
    this.exchange.onClientTrailers(map);
  }
}
