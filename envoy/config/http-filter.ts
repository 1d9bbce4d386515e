// One entry of a chain of HTTP filters, and the native filters that the toolkit itself
// puts into one.

import type { AggregatedSource, DiscoverySource, FileSource } from "./discovery-source.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

/** A filter whose configuration is part of the chain's own. */
export interface InlineFilter {
  readonly name: string;
  readonly typed_config: TypedConfig;
  /** See `disabledByDefault`. */
  readonly disabled?: true;
}

/**
 * A filter whose configuration Envoy gets from a discovery server (extension config discovery,
 * ECDS).
 */
export interface DiscoveredFilter {
  readonly name: string;
  readonly config_discovery: {
    readonly config_source: DiscoverySource | AggregatedSource | FileSource;
    readonly type_urls: readonly string[];
  };
  /** See `disabledByDefault`. */
  readonly disabled?: true;
}

/** One entry of `http_filters`, of a listener or of a cluster. */
export type HttpFilter = InlineFilter | DiscoveredFilter;

/** The filter that must end a listener's chain: it sends the request to a cluster. */
export function routerFilter(): HttpFilter {
  return {
    name: "envoy.filters.http.router",
    typed_config: typedConfig("envoy.extensions.filters.http.router.v3.Router"),
  };
}

/**
 * The filter that counts the statuses of gRPC calls, as `cluster.NAME.grpc.STATUS`. As the last
 * before the router it counts the calls that no other filter has answered.
 */
export function grpcStatsFilter(): HttpFilter {
  return {
    name: "envoy.filters.http.grpc_stats",
    typed_config: typedConfig("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"),
  };
}

/** The filter that must end a cluster's chain: it writes the attempt to the upstream connection. */
export function upstreamCodecFilter(): HttpFilter {
  return {
    name: "envoy.filters.http.upstream_codec",
    typed_config: typedConfig("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
  };
}
