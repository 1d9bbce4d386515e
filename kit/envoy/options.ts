// What a test may say of the Envoy that it starts.

import type { ClusterOptions } from "../../envoy/config/cluster.js";
import type { HttpListenerOptions } from "../../envoy/config/listener.js";
import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { UpstreamTlsOptions } from "../../envoy/config/tls.js";
import type { ContainerNetwork } from "../../envoy/runtime/engine.js";
import type { ChainFilter } from "./filters.js";
import type { EnvoyRuntime } from "./runtime.js";

/** A server of this machine that Envoy sends requests to: an `Upstream`, or another `TestEnvoy`. */
export interface Destination {
  readonly port: number;
  /** What Envoy speaks to it. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Whether it speaks TLS. Default: false. */
  readonly secure?: boolean;
}

export interface EnvoyOptions {
  /** The listener's chain, in its order. */
  readonly filters?: readonly ChainFilter[];
  /** From a destination's name to the server behind it; at least one. */
  readonly upstreams: Readonly<Record<string, Destination>>;
  /**
   * Whose certificates the upstreams with TLS must show, and which one Envoy shows them, by
   * destination; files of this machine.
   */
  readonly upstreamTls?: Readonly<Record<string, UpstreamTlsOptions>>;
  /**
   * The destination of a request whose header names none of `upstreams`. Default: the first of
   * them.
   */
  readonly defaultUpstream?: string;
  /** Of the listener, TLS from clients among them. */
  readonly listenerOptions?: Omit<
    HttpListenerOptions,
    "name" | "address" | "port" | "filters" | "virtualHosts" | "accessLog"
  >;
  /** Of every route: the header that names the destination, the timeout, retries. */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** Of every upstream's cluster. */
  readonly clusterOptions?: Pick<ClusterOptions, "circuitBreakers" | "connectTimeoutSeconds">;
  /** The chain of every upstream's cluster, which sees every attempt. */
  readonly upstreamFilters?: readonly ChainFilter[];
  /** How many workers. Default: 2, so that what one worker alone knows shows. */
  readonly workers?: number;
  /** What an entry of the access log holds, as Envoy's commands. Default: `ACCESS_LOG_FIELDS`. */
  readonly accessLog?: Readonly<Record<string, string>>;
  /** Envoy's log levels by component, such as `wasm:debug`. */
  readonly componentLogLevel?: string;
  /**
   * Default: what `MESHWRIGHT_ENVOY` says, else a process where an Envoy is to be had and a
   * container where not.
   */
  readonly runtime?: EnvoyRuntime;
  /**
   * Of a container. Default: the host's own where the engine has it, as on Linux. With ports that
   * are published, upstreams on Linux must listen on `0.0.0.0`.
   */
  readonly network?: ContainerNetwork;
}
