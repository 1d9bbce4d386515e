// The options of a test's Envoy.

import type { ClusterOptions } from "../../envoy/config/cluster.js";
import type { HttpListenerOptions } from "../../envoy/config/listener.js";
import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { UpstreamTlsOptions } from "../../envoy/config/tls.js";
import type { ContainerNetwork } from "../../envoy/runtime/engine.js";
import type { ChainFilter } from "./filters.js";
import type { EnvoyRuntime } from "./runtime.js";

/**
 * A server on this machine to which Envoy sends requests: an `Upstream`, or another `TestEnvoy`.
 */
export interface Destination {
  readonly port: number;
  /** The protocol that Envoy uses towards it. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Whether it speaks TLS. Default: false. */
  readonly secure?: boolean;
}

export interface EnvoyOptions {
  /** The listener's chain, in order. */
  readonly filters?: readonly ChainFilter[];
  /** The server behind each destination, by the destination's name. At least one. */
  readonly upstreams: Readonly<Record<string, Destination>>;
  /**
   * For each destination with TLS, the authority that must have signed its certificate, and the
   * certificate that Envoy shows. The files are on this machine.
   */
  readonly upstreamTls?: Readonly<Record<string, UpstreamTlsOptions>>;
  /**
   * The destination of a request whose header names none of `upstreams`. Default: the first one.
   */
  readonly defaultUpstream?: string;
  /** Options of the listener, including TLS for clients. */
  readonly listenerOptions?: Omit<
    HttpListenerOptions,
    "name" | "address" | "port" | "filters" | "virtualHosts" | "accessLog"
  >;
  /** Options of every route: the header that names the destination, the timeout, retries. */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** Options of every upstream's cluster. */
  readonly clusterOptions?: Pick<
    ClusterOptions,
    "circuitBreakers" | "connectTimeoutSeconds" | "http1Trailers"
  >;
  /** The chain of every upstream's cluster, which sees every attempt. */
  readonly upstreamFilters?: readonly ChainFilter[];
  /** The number of workers. Default: 2, so that state which only one worker has becomes visible. */
  readonly workers?: number;
  /**
   * The fields of an entry of the access log, as Envoy's command operators. Default:
   * `ACCESS_LOG_FIELDS`.
   */
  readonly accessLog?: Readonly<Record<string, string>>;
  /**
   * How long Envoy may take until it serves, in milliseconds. Default: 15,000. A module of 5 MB
   * needs 7 s of CPU time.
   */
  readonly readyTimeoutMs?: number;
  /** Envoy's log levels by component, such as `wasm:debug`. */
  readonly componentLogLevel?: string;
  /**
   * Default: what `MESHWRIGHT_ENVOY` says; otherwise a process if an Envoy is available for one,
   * else a container.
   */
  readonly runtime?: EnvoyRuntime;
  /**
   * The network of a container. Default: the host's own if the engine has it, as on Linux. When
   * ports are published, upstreams on Linux must listen on `0.0.0.0`.
   */
  readonly network?: ContainerNetwork;
}
