// A listener for HTTP: HTTP/1.1 and HTTP/2 on one port, a chain of filters, and routes.
import { type AccessLogOptions, accessLog } from "./access-log.js";
import { type Address, socketAddress } from "./address.js";
import { type HttpFilter, routerFilter } from "./http-filter.js";
import type { VirtualHost } from "./route.js";
import { type DownstreamTlsOptions, downstreamTls, type TransportSocket } from "./tls.js";
import { duration, type TypedConfig, typedConfig } from "./typed-config.js";

const CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";
const CONNECTION_MANAGER_TYPE =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

export interface HttpListenerOptions {
  readonly name: string;
  /** The IP address to listen on. Default: 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  /** TLS from clients. Default: none. */
  readonly tls?: DownstreamTlsOptions;
  /** What its statistics are called, after `http.`. Default: the listener's name. */
  readonly statPrefix?: string;
  /** In the order in which a request passes them; the router is added after them. */
  readonly filters: readonly HttpFilter[];
  readonly virtualHosts: readonly VirtualHost[];
  /** How many headers a request may have, else 431. Envoy's default: 100. */
  readonly maxRequestHeaders?: number;
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
  /** Protocols that a connection may be upgraded to, such as `websocket`. Default: none. */
  readonly upgrades?: readonly string[];
  /** Whether `/a/../b` is `/b` before filters and routes see it. Default: true. */
  readonly normalizePath?: boolean;
  readonly accessLog?: AccessLogOptions;
  /** Until the whole request has come in; 0 is no limit. Envoy's default: 0. */
  readonly requestTimeoutSeconds?: number;
  /** Until a request's headers have come in; 0 is no limit. Envoy's default: 0. */
  readonly requestHeadersTimeoutSeconds?: number;
  /** How long a request may be silent; 0 is no limit. Envoy's default: 300. */
  readonly streamIdleTimeoutSeconds?: number;
}

export interface Listener {
  readonly name: string;
  readonly address: Address;
  readonly filter_chains: readonly {
    readonly filters: readonly { readonly name: string; readonly typed_config: TypedConfig }[];
    readonly transport_socket?: TransportSocket;
  }[];
}

/**
 * A listener that takes HTTP/1.1 and HTTP/2 on one port: by ALPN with TLS, else HTTP/2 by prior
 * knowledge.
 */
export function httpListener(options: HttpListenerOptions): Listener {
  return {
    name: options.name,
    address: socketAddress(options.address ?? "127.0.0.1", options.port),
    filter_chains: [
      {
        filters: [
          {
            name: CONNECTION_MANAGER,
            typed_config: typedConfig(CONNECTION_MANAGER_TYPE, connectionManager(options)),
          },
        ],
        ...(options.tls === undefined ? {} : { transport_socket: downstreamTls(options.tls) }),
      },
    ],
  };
}

function connectionManager(options: HttpListenerOptions): Readonly<Record<string, unknown>> {
  return {
    stat_prefix: options.statPrefix ?? options.name,
    codec_type: "AUTO",
    normalize_path: options.normalizePath ?? true,
    use_remote_address: options.useRemoteAddress ?? false,
    preserve_external_request_id: options.preserveExternalRequestId ?? false,
    ...(options.xffTrustedHops === undefined ? {} : { xff_num_trusted_hops: options.xffTrustedHops }),
    ...(options.upgrades === undefined
      ? {}
      : { upgrade_configs: options.upgrades.map((upgrade) => ({ upgrade_type: upgrade })) }),
    ...headerLimits(options),
    ...timeouts(options),
    ...(options.accessLog === undefined ? {} : { access_log: [accessLog(options.accessLog)] }),
    route_config: { name: options.name, virtual_hosts: options.virtualHosts },
    http_filters: [...options.filters, routerFilter()],
  };
}

function headerLimits({ maxRequestHeaders, maxRequestHeadersKb }: HttpListenerOptions) {
  return {
    ...(maxRequestHeaders === undefined
      ? {}
      : { common_http_protocol_options: { max_headers_count: maxRequestHeaders } }),
    ...(maxRequestHeadersKb === undefined ? {} : { max_request_headers_kb: maxRequestHeadersKb }),
  };
}

function timeouts(options: HttpListenerOptions): Readonly<Record<string, string>> {
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
