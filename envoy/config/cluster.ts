// A cluster: the endpoints that serve one destination, how to speak to them, and the filters that
// see every attempt.
import { isIP } from "node:net";
import { type Address, socketAddress } from "./address.js";
import { type Endpoint, type LocalityEndpoints, localityEndpoints } from "./endpoints.js";
import { type HealthCheck, type HealthCheckOptions, healthCheck } from "./health-check.js";
import { type HttpFilter, upstreamCodecFilter } from "./http-filter.js";
import { type LoadBalancerOptions, type LoadBalancing, loadBalancing } from "./load-balancing.js";
import {
  markedOutliers,
  type OutlierDetection,
  type OutlierDetectionOptions,
  outlierDetection,
} from "./outlier-detection.js";
import type { UpstreamProtocol } from "./protocol.js";
import { type TransportSocket, type UpstreamTlsOptions, upstreamTls } from "./tls.js";
import { duration, type TypedConfig, typedConfig } from "./typed-config.js";

const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface ClusterOptions {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** What the endpoints speak. Default: `http1`. */
  readonly protocol?: UpstreamProtocol;
  /** Whether trailers of HTTP/1.1 are passed on, else dropped. Default: false. */
  readonly http1Trailers?: boolean;
  /** TLS to the endpoints. Default: none. */
  readonly tls?: UpstreamTlsOptions;
  /** In place of `tls`: how the bytes get to the endpoints. */
  readonly transportSocket?: TransportSocket;
  /** Envoy's default: 5. */
  readonly connectTimeoutSeconds?: number;
  /** The upstream chain: these filters see every attempt, retries included. */
  readonly filters?: readonly HttpFilter[];
  /**
   * Response headers by which these filters tell outlier detection that a host has failed. Default:
   * none.
   */
  readonly outlierHeaders?: readonly string[];
  /** The IP address from which connections to the endpoints come. Default: the kernel's choice. */
  readonly sourceAddress?: string;
  /** What may go on at once. Envoy's defaults: 3 retries, 1024 of each of the others. */
  readonly circuitBreakers?: CircuitBreakerOptions;
  /** Default: requests go to the endpoints in turn. */
  readonly loadBalancer?: LoadBalancerOptions;
  /** Default: no endpoint is ejected. */
  readonly outlierDetection?: OutlierDetectionOptions;
  /** Default: no endpoint is asked. */
  readonly healthCheck?: HealthCheckOptions;
  /** How long a connection without a request stays open; 0 is no limit. Envoy's default: 1 hour. */
  readonly idleTimeoutSeconds?: number;
  /** After so many requests a connection is closed; 0 is no limit. Default: 0. */
  readonly maxRequestsPerConnection?: number;
}

/**
 * How many of each may go on at once to one cluster, from one Envoy; 0 or more. Envoy answers what
 * exceeds a limit with 503, or does not retry it.
 */
export interface CircuitBreakerOptions {
  readonly maxConnections?: number;
  /** Requests that wait for a connection. */
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  /** Retries, counted from the moment that Envoy decides on one. */
  readonly maxRetries?: number;
  /** Connections to each single endpoint. Envoy's default: no limit. */
  readonly maxConnectionsPerHost?: number;
}

/** The fields of Envoy's `CircuitBreakers.Thresholds`. */
export interface CircuitBreakerThresholds {
  readonly max_connections?: number;
  readonly max_pending_requests?: number;
  readonly max_requests?: number;
  readonly max_retries?: number;
}

export interface Cluster extends LoadBalancing {
  readonly name: string;
  readonly type?: "STATIC" | "LOGICAL_DNS" | "STRICT_DNS";
  /** In place of `type` and the endpoints. */
  readonly cluster_type?: { readonly name: string; readonly typed_config: TypedConfig };
  readonly dns_lookup_family?: "ALL" | "V4_PREFERRED";
  readonly connect_timeout?: string;
  readonly load_assignment?: {
    readonly cluster_name: string;
    readonly endpoints: readonly LocalityEndpoints[];
  };
  readonly circuit_breakers?: {
    readonly thresholds?: readonly CircuitBreakerThresholds[];
    readonly per_host_thresholds?: readonly CircuitBreakerThresholds[];
  };
  readonly outlier_detection?: OutlierDetection;
  readonly health_checks?: readonly HealthCheck[];
  readonly upstream_bind_config?: { readonly source_address: Address["socket_address"] };
  readonly transport_socket?: TransportSocket;
  readonly typed_extension_protocol_options: Readonly<Record<string, TypedConfig>>;
}

/** A cluster of fixed endpoints. */
export function cluster(options: ClusterOptions): Cluster {
  const { name, endpoints, connectTimeoutSeconds, sourceAddress } = options;
  return {
    name,
    ...discovery(endpoints),
    ...(connectTimeoutSeconds === undefined
      ? {}
      : { connect_timeout: duration(connectTimeoutSeconds, "connectTimeoutSeconds") }),
    load_assignment: { cluster_name: name, endpoints: localityEndpoints(endpoints) },
    ...loadBalancing(options.loadBalancer),
    ...circuitBreakers(options),
    ...(sourceAddress === undefined
      ? {}
      : { upstream_bind_config: { source_address: socketAddress(sourceAddress, 0).socket_address } }),
    ...(options.outlierDetection === undefined
      ? {}
      : { outlier_detection: outlierDetection(options.outlierDetection) }),
    ...(options.healthCheck === undefined ? {} : { health_checks: [healthCheck(options.healthCheck)] }),
    ...transportSocket(options),
    typed_extension_protocol_options: httpProtocolOptions(options, connectionOptions(options)),
  };
}

function transportSocket({ tls, protocol = "http1", transportSocket }: ClusterOptions) {
  const socket = transportSocket ?? (tls === undefined ? undefined : upstreamTls(tls, protocol));
  return socket === undefined ? {} : { transport_socket: socket };
}

/**
 * A service on `localhost` often listens on one family only. Logical DNS, which knows one name,
 * tries all its addresses for each connection; strict DNS would treat each address as an endpoint
 * and send every other request to the one where nobody listens.
 */
function discovery(endpoints: ClusterOptions["endpoints"]): Pick<Cluster, "type" | "dns_lookup_family"> {
  if (endpoints.every((endpoint) => isIP(endpoint.address) !== 0)) return { type: "STATIC" };
  return endpoints.length === 1
    ? { type: "LOGICAL_DNS", dns_lookup_family: "ALL" }
    : { type: "STRICT_DNS", dns_lookup_family: "V4_PREFERRED" };
}

function circuitBreakers({ circuitBreakers: limits }: ClusterOptions): Pick<Cluster, "circuit_breakers"> {
  if (limits === undefined) return {};
  const fields = [
    ["max_connections", limits.maxConnections],
    ["max_pending_requests", limits.maxPendingRequests],
    ["max_requests", limits.maxRequests],
    ["max_retries", limits.maxRetries],
  ] as const;
  const given = fields.filter(([, limit]) => limit !== undefined);
  const perHost = limits.maxConnectionsPerHost;
  return {
    circuit_breakers: {
      ...(given.length === 0 ? {} : { thresholds: [Object.fromEntries(given)] }),
      ...(perHost === undefined ? {} : { per_host_thresholds: [{ max_connections: perHost }] }),
    },
  };
}

function connectionOptions({ idleTimeoutSeconds: idle, maxRequestsPerConnection: most }: ClusterOptions) {
  const common = {
    ...(idle === undefined ? {} : { idle_timeout: duration(idle, "idleTimeoutSeconds") }),
    ...(most === undefined ? {} : { max_requests_per_connection: most }),
  };
  return Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common };
}

/** What a cluster speaks, and the filters that see each attempt, by the name of the extension. */
export function httpProtocolOptions(
  { protocol = "http1", http1Trailers, filters = [], outlierHeaders = [] }: ProtocolOptions,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, TypedConfig>> {
  const http1 = { http_protocol_options: http1Trailers === true ? { enable_trailers: true } : {} };
  const http2 = { http2_protocol_options: {} };
  const spoken = {
    auto: { auto_config: { ...http1, ...http2 } },
    downstream: { use_downstream_protocol_config: { ...http1, ...http2 } },
    http1: { explicit_http_config: http1 },
    http2: { explicit_http_config: http2 },
  }[protocol];
  const options = typedConfig(PROTOCOL_OPTIONS, {
    ...spoken,
    ...more,
    ...(filters.length === 0 ? {} : { http_filters: [...filters, upstreamCodecFilter()] }),
    ...(outlierHeaders.length === 0 ? {} : { outlier_detection: markedOutliers(outlierHeaders) }),
  });
  return { [PROTOCOL_OPTIONS]: options };
}

/** The part of a cluster that is about HTTP. */
export interface ProtocolOptions
  extends Pick<ClusterOptions, "http1Trailers" | "filters" | "outlierHeaders"> {
  /** `downstream` is what the request itself came by. Default: `http1`. */
  readonly protocol?: UpstreamProtocol | "downstream";
}
