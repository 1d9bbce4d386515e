// One entry of a chain of HTTP filters, and the two native filters that end a chain.
import type { DiscoverySource } from "./discovery-source.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

/** A filter whose configuration is part of the chain's own. */
export interface InlineFilter {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/**
 * A filter whose configuration Envoy gets from a discovery server (extension config discovery,
 * ECDS).
 */
export interface DiscoveredFilter {
  readonly name: string;
  readonly config_discovery: {
    readonly config_source: DiscoverySource;
    readonly type_urls: readonly string[];
  };
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

/** The filter that must end a cluster's chain: it writes the attempt to the upstream connection. */
export function upstreamCodecFilter(): HttpFilter {
  return {
    name: "envoy.filters.http.upstream_codec",
    typed_config: typedConfig("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
  };
}
