// Where an Envoy gets a discovered filter's settings: a stream of the discovery server for each of
// them, all in one connection. One stream for all (ADS) would end Envoy with a segmentation fault
// where a static cluster's chain has such a filter, because the stream is made after the clusters.

/**
 * The cluster that leads to the discovery server. No person can give this name: it has a tilde,
 * which the requests' authority may have.
 */
export const DISCOVERY_CLUSTER = "meshwright~discovery";

/** The cluster that leads to the server of clusters and routes. */
export const RESOURCES_CLUSTER = "meshwright~resources";

/** The fields of Envoy's `ConfigSource`, for a source that is asked by HTTP. */
export interface RestSource {
  readonly api_config_source: {
    readonly api_type: "REST";
    readonly transport_api_version: "V3";
    readonly cluster_names: readonly string[];
    readonly refresh_delay: string;
    readonly request_timeout: string;
  };
  readonly resource_api_version: "V3";
}

/** The fields of Envoy's `ConfigSource`. */
export interface DiscoverySource {
  readonly api_config_source: {
    readonly api_type: "GRPC";
    readonly transport_api_version: "V3";
    readonly grpc_services: readonly { readonly envoy_grpc: { readonly cluster_name: string } }[];
  };
  readonly resource_api_version: "V3";
}

/** The stream over which a control plane gives an Envoy everything. */
export interface AggregatedSource {
  readonly ads: Readonly<Record<string, never>>;
  readonly resource_api_version: "V3";
  readonly initial_fetch_timeout: string;
}

/** A file that Envoy reads, and reads again when another is renamed to its place. */
export interface FileSource {
  readonly path_config_source: { readonly path: string };
  readonly resource_api_version: "V3";
}

/** @param path as Envoy sees it */
export function fileSource(path: string): FileSource {
  return { path_config_source: { path }, resource_api_version: "V3" };
}

/** The server lets a question wait until there is an answer, so Envoy asks again at once. */
export function restSource(): RestSource {
  return {
    api_config_source: {
      api_type: "REST",
      transport_api_version: "V3",
      cluster_names: [RESOURCES_CLUSTER],
      refresh_delay: "0.02s",
      request_timeout: "86400s",
    },
    resource_api_version: "V3",
  };
}

export function discoverySource(): DiscoverySource {
  return {
    api_config_source: {
      api_type: "GRPC",
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: DISCOVERY_CLUSTER } }],
    },
    resource_api_version: "V3",
  };
}
