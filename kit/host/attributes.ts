// Envoy's attributes of a stream in process: what `proxy_get_property` finds when the test gives no
// value.

import type { HeaderMap } from "./header-map.js";
import { GRPC_OF_HTTP, UNKNOWN_GRPC_STATUS } from "./local-reply.js";
import type { PropertyValue } from "./property.js";
import { flagBits } from "./response-flags.js";

/**
 * The reader of an attribute. An attribute that comes from headers exists only when the reader may
 * read these.
 */
export interface HeaderReader {
  headers(type: number): HeaderMap | undefined;
}

/** The source of all attributes. */
export interface AttributeSource {
  readonly exchange: {
    readonly protocol: string;
    readonly details: string;
    readonly attempts: number;
    readonly flags: string;
    readonly sizes: { readonly request: number; readonly response: number };
  };
  readonly request: HeaderMap | undefined;
  readonly response: HeaderMap | undefined;
  readonly responseTrailers: HeaderMap | undefined;
  readonly status: string | undefined;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  route(): string | undefined;
  cluster(): string | undefined;
}

type Reader = (source: AttributeSource) => PropertyValue | undefined;

const REQUEST_HEADERS = "request.headers.";
const RESPONSE_HEADERS = "response.headers.";
const RESPONSE_TRAILERS = "response.trailers.";

const READERS: Readonly<Record<string, Reader>> = {
  "request.path": ({ request }) => request?.get(":path"),
  "request.url_path": ({ request }) => request?.get(":path")?.split("?")[0],
  "request.query": ({ request }) => request && (request.get(":path") ?? "").split("?").slice(1).join("?"),
  "request.host": ({ request }) => request?.get(":authority"),
  "request.scheme": ({ request }) => request?.get(":scheme"),
  "request.method": ({ request }) => request?.get(":method"),
  "request.id": ({ request }) => request?.get("x-request-id"),
  "request.referer": ({ request }) => request?.get("referer"),
  "request.useragent": ({ request }) => request?.get("user-agent"),
  "request.protocol": ({ exchange }) => (exchange.protocol === "http2" ? "HTTP/2" : "HTTP/1.1"),
  "request.time": ({ openedAt }) => BigInt(Math.round(openedAt)) * 1_000_000n,
  "response.code": ({ status }) => (status === undefined ? undefined : Number(status)),
  "response.code_details": ({ exchange }) => exchange.details || undefined,
  "xds.route_name": (source) => source.route(),
  "xds.cluster_name": (source) => source.cluster(),
  "request.size": ({ exchange }) => exchange.sizes.request,
  "request.total_size": ({ exchange, request }) => exchange.sizes.request + (request?.bytes ?? 0),
  "response.size": ({ exchange }) => exchange.sizes.response,
  "response.flags": ({ exchange }) => flagBits(exchange.flags),
  // Without a gRPC status in the response, it follows from the HTTP status.
  "response.grpc_status": ({ status, response, responseTrailers }) =>
    status === undefined ? undefined : grpcStatus(status, response, responseTrailers),
  "response.total_size": ({ exchange, response }) =>
    response === undefined ? undefined : exchange.sizes.response + response.bytes,
  "xds.listener_direction": () => 0,
  "xds.filter_chain_name": () => "",
  "upstream.address": ({ exchange }) => (exchange.attempts > 0 ? `${HOST}:${UPSTREAM_PORT}` : undefined),
  "upstream.port": ({ exchange }) => (exchange.attempts > 0 ? UPSTREAM_PORT : undefined),
  "upstream.num_endpoints": ({ exchange }) => (exchange.attempts > 0 ? 1 : undefined),
  "upstream.transport_failure_reason": ({ exchange }) => (exchange.attempts > 0 ? "" : undefined),
  "upstream.request_attempt_count": ({ exchange }) => exchange.attempts,
};

const HOST = "127.0.0.1";
const CLIENT_PORT = 50_000;
const LISTENER_PORT = 10_000;
const UPSTREAM_PORT = 8_080;

/** What every connection has: nothing in process has an address, so each has the same. */
const CONNECTION: Readonly<Record<string, PropertyValue>> = {
  "source.address": `${HOST}:${CLIENT_PORT}`,
  "source.port": CLIENT_PORT,
  "destination.address": `${HOST}:${LISTENER_PORT}`,
  "destination.port": LISTENER_PORT,
  "connection.id": 1,
  "connection.mtls": false,
  "connection.requested_server_name": "",
};

/** The value of an attribute of the client's connection. */
export function connectionAttribute(path: string): PropertyValue | undefined {
  return Object.hasOwn(CONNECTION, path) ? CONNECTION[path] : undefined;
}

/** Attributes that follow from the connection and the headers alone. */
const PLAIN =
  /^(request\.(headers\.|path|url_path|query|host|scheme|method|id|referer|useragent|protocol|time)|response\.(headers|trailers)\.|response\.code$)/;

/** Whether a stream has the attribute that goes through one filter alone, without a router. */
export function isPlain(path: string): boolean {
  return PLAIN.test(path) || connectionAttribute(path) !== undefined;
}

/** The value at a path such as `request.path`; undefined when the stream has none. */
export function attribute(path: string, source: AttributeSource): PropertyValue | undefined {
  const reader = Object.hasOwn(READERS, path) ? READERS[path] : undefined;
  if (reader !== undefined) return reader(source);
  const ofConnection = connectionAttribute(path);
  if (ofConnection !== undefined) return ofConnection;
  if (path.startsWith(REQUEST_HEADERS)) return source.request?.joined(path.slice(REQUEST_HEADERS.length));
  if (path.startsWith(RESPONSE_HEADERS)) return source.response?.joined(path.slice(RESPONSE_HEADERS.length));
  if (path.startsWith(RESPONSE_TRAILERS)) {
    return source.responseTrailers?.joined(path.slice(RESPONSE_TRAILERS.length));
  }
  return undefined;
}

function grpcStatus(status: string, ...maps: readonly (HeaderMap | undefined)[]): number {
  const said = maps.map((map) => map?.get("grpc-status")).find((value) => value !== undefined);
  return said === undefined ? (GRPC_OF_HTTP[Number(status)] ?? UNKNOWN_GRPC_STATUS) : Number(said);
}
