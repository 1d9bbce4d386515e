// The client's side of the proxy: how Envoy's connection manager changes a request before the
// filters see it, and a response after them.

import { isOnePiece } from "../body-pieces.js";
import type { ClientRequest, ClientResponse, HeaderList } from "../traffic.js";
import { HeaderMapType } from "./abi.js";
import type { Clock } from "./clock.js";
import { HeaderMap } from "./header-map.js";
import { joinedHeaders } from "./joined-headers.js";
import { normalPath } from "./normal-path.js";
import { wholeNumber } from "./routes.js";
import { dateText } from "./script.js";
import type { Seeded } from "./seeded.js";

export type Protocol = "http1" | "http2";

const DEFAULT_HOST = "127.0.0.1";
/** A client's lines of these are one header for filters, as lines that a filter adds are. */
const JOINED = joinedHeaders(HeaderMapType.RequestHeaders);
/** Headers that are meant for one hop, and headers that only Envoy itself may set. */
const REMOVED = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "host",
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
]);

/** The request as the first filter gets it; undefined when Envoy refuses its path. */
export function requestHeaders(
  request: ClientRequest,
  protocol: Protocol,
  random: Seeded,
): HeaderMap | undefined {
  const { headers = [], body } = request;
  const path = normalPath(request.path ?? "/");
  if (path === undefined) return undefined;
  let host = DEFAULT_HOST;
  const rest = new HeaderMap([]);
  const cookies: string[] = [];
  let [hasLength, hasScheme, hasId] = [false, false, false];
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (name === "host") host = value;
    if (REMOVED.has(name) || (name === "te" && value !== "trailers")) continue;
    if (name === "cookie" && protocol === "http2") cookies.push(value);
    else rest.addTo(name, value, JOINED);
    if (name === "content-length") hasLength = true;
    else if (name === "x-forwarded-proto") hasScheme = true;
    else if (name === "x-request-id") hasId = true;
  }
  const map = new HeaderMap([
    [":authority", host],
    [":path", path],
    [":method", request.method ?? (body === undefined ? "GET" : "POST")],
    [":scheme", "http"],
  ]);
  const isCounted = protocol === "http1" && body !== undefined && isOnePiece(body);
  if (isCounted && !hasLength && request.trailers === undefined) {
    map.entries.push(["content-length", `${Buffer.byteLength(body as string)}`]);
  }
  for (const entry of rest.entries) map.entries.push(entry);
  // Over HTTP/1.1 each line of cookies stays a header of its own.
  if (cookies.length > 0) map.entries.push(["cookie", cookies.join("; ")]);
  if (!hasScheme) map.entries.push(["x-forwarded-proto", "http"]);
  if (!hasId) map.entries.push(["x-request-id", random.uuid()]);
  return map;
}

/** Whether a client of HTTP/1.1 asks to close its connection. */
export function asksToClose({ headers = [] }: ClientRequest, protocol: Protocol): boolean {
  if (protocol === "http2") return false;
  return headers.some(([name, value]) => /^connection$/i.test(name) && /^close$/i.test(value));
}

/** Turns the filters' response headers into those that go out. */
export function finishResponse(map: HeaderMap, clock: Clock): void {
  map.remove("connection");
  map.remove("keep-alive");
  map.remove("proxy-connection");
  map.remove("transfer-encoding");
  if (map.get("date") === undefined) map.add("date", dateText(clock));
  map.set("server", "envoy");
}

/** What the client has got so far. */
export class ClientSide {
  headers: HeaderMap | undefined;
  readonly pieces: Buffer[] = [];
  trailers: HeaderList = [];

  /**
   * @param closes whether the client wants no other answer on its connection, which Envoy confirms
   */
  constructor(
    private readonly protocol: Protocol,
    private readonly closes: boolean,
  ) {}

  /** @param isEmpty whether the response has no body, which HTTP/1.1 states */
  receiveHeaders(map: HeaderMap, isEmpty: boolean): void {
    this.headers = map;
    if (this.protocol === "http2") return;
    if (this.closes) map.entries.push(["connection", "close"]);
    if (map.get("content-length") !== undefined) return;
    const status = map.get(":status");
    if (status === "204" || status === "304") return;
    if (isEmpty) map.entries.push(["content-length", "0"]);
    else map.entries.push(["transfer-encoding", "chunked"]);
  }

  receiveTrailers(map: HeaderMap): void {
    if (this.protocol === "http2") this.trailers = map.entries;
  }

  /**
   * @param isHead whether the request was a HEAD, whose response gives the length of a body that it
   * does not have
   */
  response(end: ClientResponse["end"], isHead: boolean): ClientResponse {
    const status = this.headers?.get(":status");
    const length = wholeNumber(this.headers?.get("content-length"));
    const size = this.pieces.reduce((sum, piece) => sum + piece.length, 0);
    const isBodiless = isHead || status === "204" || status === "304";
    if (end === "reset" || isBodiless || length === undefined || size === length) {
      return new HostedResponse(this, this.pieces, end);
    }
    // Envoy sends what filters leave, whatever its length, so the client gets a wrong length.
    if (size < length) return new HostedResponse(this, this.pieces, "reset");
    if (this.protocol === "http1") {
      return new HostedResponse(this, [Buffer.concat(this.pieces).subarray(0, length)], "whole");
    }
    return new HostedResponse(this, piecesWithin(this.pieces, length), "reset");
  }
}

/** With HTTP/2 a client takes or refuses a piece as a whole. */
function piecesWithin(pieces: readonly Buffer[], length: number): readonly Buffer[] {
  let size = 0;
  const tooLong = pieces.findIndex((piece) => {
    size += piece.length;
    return size > length;
  });
  return pieces.slice(0, tooLong);
}

class HostedResponse implements ClientResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly trailers: HeaderList;
  readonly body: string;

  constructor(
    { headers, trailers }: ClientSide,
    pieces: readonly Buffer[],
    readonly end: ClientResponse["end"],
  ) {
    this.status = Number(headers?.get(":status") ?? 0);
    this.headers = headers?.entries.filter(([name]) => !name.startsWith(":")) ?? [];
    this.trailers = trailers;
    this.body = pieces.length === 0 ? "" : Buffer.concat(pieces).toString("utf8");
  }

  header(name: string): string | undefined {
    const key = name.toLowerCase();
    return this.headers.find(([other]) => other === key)?.[1];
  }
}
