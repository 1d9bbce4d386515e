// A listener for HTTP: HTTP/1.1 and HTTP/2 on one port, a chain of filters, and routes.
import { type AccessLogOptions, accessLog } from "./access-log.js";
import { type Address, listeningAddress } from "./address.js";
import { type ConnectionKind, type FilterChains, filterChains } from "./filter-chain.js";
import { type HttpFilter, routerFilter } from "./http-filter.js";
import type { VirtualHost } from "./route.js";
import { type DownstreamTlsOptions, downstreamTls } from "./tls.js";
import { duration, type TypedConfig, typedConfig } from "./typed-config.js";
import { DEFAULT_UPGRADES, otherUpgrades, upgradeConfigs } from "./upgrades.js";

const CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";
const CONNECTION_MANAGER_TYPE =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** HTTP/1.0 allows a request without a host, which Envoy would answer with 400. */
const HOST_OF_HTTP_10 = "localhost";

export interface HttpListenerOptions {
  readonly name: string;
  /** The IP address to listen on; `::` is every address of both families. Default: 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  /** TLS from clients. Default: none. */
  readonly tls?: DownstreamTlsOptions;
  /** In place of `tls`: the connections that it takes, each with its transport socket. */
  readonly kinds?: readonly ConnectionKind[];
  /** What its statistics are called, after `http.`. Default: the listener's name. */
  readonly statPrefix?: string;
  /** In the order in which a request passes them; the router is added after them. */
  readonly filters: readonly HttpFilter[];
  readonly virtualHosts: readonly VirtualHost[];
  /** How many headers a request may have, else 431. Envoy's default: 100. */
  readonly maxRequestHeaders?: number;
  /**
   * How many bytes of a body are kept while a filter holds it, in both protocols; a filter that
   * needs more of it lets Envoy answer 413. Envoy's defaults: 1 MiB, and 16 MiB in HTTP/2.
   */
  readonly bufferLimitBytes?: number;
  /** How many KiB a request's headers may have, 1 to 8192, else 431. Envoy's default: 60. */
  readonly maxRequestHeadersKb?: number;
  /**
   * True (at the edge): the connection's own address is the client's. False: `x-forwarded-for` is
   * believed. Default: false.
   */
  readonly useRemoteAddress?: boolean;
  /**
   * How many proxies before this one are trusted. With `useRemoteAddress` the client's address is
   * the entry of `x-forwarded-for` with this number, counted from its end, where 1 is the last;
   * otherwise it is the entry before that. Default: 0.
   */
  readonly xffTrustedHops?: number;
  /**
   * Whether `x-request-id` is kept where `useRemoteAddress` would make a new one. Default: false.
   */
  readonly preserveExternalRequestId?: boolean;
  /**
   * Protocols that a connection may be upgraded to, by `Upgrade` of HTTP/1.1 and by the extended
   * CONNECT of HTTP/2. A request for another one goes on as if it had not asked (HTTP/1.1), or is
   * answered 403 (HTTP/2). Default: `websocket`.
   */
  readonly upgrades?: readonly string[];
  /**
   * Whether HTTP/1.0 is served too, else 426. A request that names no host gets `localhost`.
   * Default: false.
   */
  readonly http10?: boolean;
  /** Whether trailers of HTTP/1.1 are passed on, else dropped. Default: false. */
  readonly http1Trailers?: boolean;
  /** Whether `/a/../b` is `/b` before filters and routes see it. Default: true. */
  readonly normalizePath?: boolean;
  /** Whether `//a` is `/a` before filters and routes see it. Default: false. */
  readonly mergeSlashes?: boolean;
  /** What happens to a path with `%2F` or `%5C`. Default: `keep`. */
  readonly escapedSlashes?: EscapedSlashes;
  readonly accessLog?: AccessLogOptions;
  /** Until the whole request has come in; 0 is no limit. Envoy's default: 0. */
  readonly requestTimeoutSeconds?: number;
  /** Until a request's headers have come in; 0 is no limit. Envoy's default: 0. */
  readonly requestHeadersTimeoutSeconds?: number;
  /** How long a request may be silent; 0 is no limit. Envoy's default: 300. */
  readonly streamIdleTimeoutSeconds?: number;
  /** How long a request and its answer may take, upgraded connections too. Default: no limit. */
  readonly maxStreamDurationSeconds?: number;
}

/**
 * What happens to a path with escaped slashes: it stays, the request is answered 400, the client is
 * redirected to the path with real slashes (gRPC: status 13), or the path gets real slashes.
 */
export type EscapedSlashes = keyof typeof ESCAPED_SLASHES;

const ESCAPED_SLASHES = {
  keep: "KEEP_UNCHANGED",
  reject: "REJECT_REQUEST",
  redirect: "UNESCAPE_AND_REDIRECT",
  forward: "UNESCAPE_AND_FORWARD",
} as const;

export interface Listener extends FilterChains {
  readonly name: string;
  readonly address: Address;
  readonly per_connection_buffer_limit_bytes?: number;
}

/**
 * A listener that takes HTTP/1.1 and HTTP/2 on one port: by ALPN with TLS, else HTTP/2 by prior
 * knowledge.
 */
export function httpListener(options: HttpListenerOptions): Listener {
  const { tls, kinds = tls === undefined ? [{}] : [{ transportSocket: downstreamTls(tls) }] } = options;
  const manager = typedConfig(CONNECTION_MANAGER_TYPE, connectionManager(options));
  return {
    name: options.name,
    address: listeningAddress(options.address ?? "127.0.0.1", options.port),
    ...(options.bufferLimitBytes === undefined
      ? {}
      : { per_connection_buffer_limit_bytes: options.bufferLimitBytes }),
    ...filterChains([{ name: CONNECTION_MANAGER, typed_config: manager }], kinds),
  };
}

function connectionManager(options: HttpListenerOptions): Readonly<Record<string, unknown>> {
  return {
    stat_prefix: options.statPrefix ?? options.name,
    codec_type: "AUTO",
    ...paths(options),
    use_remote_address: options.useRemoteAddress ?? false,
    preserve_external_request_id: options.preserveExternalRequestId ?? false,
    ...(options.xffTrustedHops === undefined ? {} : { xff_num_trusted_hops: options.xffTrustedHops }),
    ...protocols(options),
    ...commonOptions(options),
    ...timeouts(options),
    ...(options.accessLog === undefined ? {} : { access_log: [accessLog(options.accessLog)] }),
    route_config: { name: options.name, virtual_hosts: options.virtualHosts },
    http_filters: [...options.filters, routerFilter()],
  };
}

/** Options that can be patched into the connection manager of someone else's listener. */
export type PatchableOptions = Pick<
  HttpListenerOptions,
  | "mergeSlashes"
  | "escapedSlashes"
  | "xffTrustedHops"
  | "http10"
  | "streamIdleTimeoutSeconds"
  | "maxStreamDurationSeconds"
>;

/**
 * The part of a connection manager that these options set, to be merged into one that exists.
 * Options that are absent change nothing.
 */
export function connectionManagerPatch(options: PatchableOptions): TypedConfig {
  return typedConfig(CONNECTION_MANAGER_TYPE, {
    ...paths(options),
    ...(options.xffTrustedHops === undefined ? {} : { xff_num_trusted_hops: options.xffTrustedHops }),
    ...(options.http10 === true ? { http_protocol_options: http10Options() } : {}),
    ...commonOptions(options),
    ...timeouts(options),
  });
}

function http10Options() {
  return { accept_http_10: true, default_host_for_http_10: HOST_OF_HTTP_10 };
}

function paths({
  normalizePath = true,
  mergeSlashes,
  escapedSlashes,
}: Pick<HttpListenerOptions, "normalizePath" | "mergeSlashes" | "escapedSlashes">) {
  return {
    normalize_path: normalizePath,
    ...(mergeSlashes === undefined ? {} : { merge_slashes: mergeSlashes }),
    ...(escapedSlashes === undefined
      ? {}
      : { path_with_escaped_slashes_action: ESCAPED_SLASHES[escapedSlashes] }),
  };
}

function protocols(options: HttpListenerOptions) {
  const { upgrades = DEFAULT_UPGRADES, http10, http1Trailers, bufferLimitBytes } = options;
  const http2 = {
    ...(upgrades.length === 0 ? {} : { allow_connect: true }),
    ...(bufferLimitBytes === undefined ? {} : { initial_stream_window_size: streamWindow(bufferLimitBytes) }),
  };
  return {
    upgrade_configs: upgradeConfigs(upgrades),
    http_protocol_options: {
      ...(http10 === true ? http10Options() : {}),
      ...(http1Trailers === true ? { enable_trailers: true } : {}),
      ignore_http_11_upgrade: otherUpgrades(upgrades),
    },
    ...(Object.keys(http2).length === 0 ? {} : { http2_protocol_options: http2 }),
  };
}

/** Envoy takes no smaller window of HTTP/2, and no larger one. */
function streamWindow(bytes: number): number {
  return Math.min(2 ** 31 - 1, Math.max(2 ** 16 - 1, bytes));
}

function commonOptions(
  options: Pick<
    HttpListenerOptions,
    "maxRequestHeaders" | "maxRequestHeadersKb" | "maxStreamDurationSeconds"
  >,
) {
  const { maxRequestHeaders, maxRequestHeadersKb, maxStreamDurationSeconds } = options;
  const common = {
    ...(maxRequestHeaders === undefined ? {} : { max_headers_count: maxRequestHeaders }),
    ...(maxStreamDurationSeconds === undefined
      ? {}
      : { max_stream_duration: duration(maxStreamDurationSeconds, "maxStreamDurationSeconds") }),
  };
  return {
    ...(Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common }),
    ...(maxRequestHeadersKb === undefined ? {} : { max_request_headers_kb: maxRequestHeadersKb }),
  };
}

function timeouts(
  options: Pick<
    HttpListenerOptions,
    "requestTimeoutSeconds" | "requestHeadersTimeoutSeconds" | "streamIdleTimeoutSeconds"
  >,
): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [option, field] of [
    ["requestTimeoutSeconds", "request_timeout"],
    ["requestHeadersTimeoutSeconds", "request_headers_timeout"],
    ["streamIdleTimeoutSeconds", "stream_idle_timeout"],
  ] as const) {
    const seconds = options[option];
    if (seconds !== undefined) result[field] = duration(seconds, option);
  }
  return result;
}
