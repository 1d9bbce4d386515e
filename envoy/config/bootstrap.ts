// The bootstrap: everything one Envoy needs to start.
import { type Address, socketAddress } from "./address.js";
import type { Cluster } from "./cluster.js";
import type { Listener } from "./listener.js";
import type { StatsTag } from "./stats-tags.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

/**
 * Far above what a developer's machine or a test opens. Without a limit Envoy warns at every start.
 */
const MAX_DOWNSTREAM_CONNECTIONS = 50_000;

export interface BootstrapOptions {
  /** Who this Envoy is. It tells both to the discovery server. */
  readonly node: { readonly id: string; readonly cluster: string };
  /** The port of the admin interface. */
  readonly adminPort: number;
  /**
   * Where it listens. Default: 127.0.0.1, because anybody who reaches it controls the proxy. A
   * container with a network of its own needs `0.0.0.0`.
   */
  readonly adminAddress?: string;
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  /** Tags in addition to Envoy's own, see `statsTags`. Default: none. */
  readonly statsTags?: readonly StatsTag[];
}

export interface Bootstrap {
  readonly node: { readonly id: string; readonly cluster: string };
  readonly admin: { readonly address: Address; readonly ignore_global_conn_limit: true };
  readonly static_resources: {
    readonly listeners: readonly Listener[];
    readonly clusters: readonly Cluster[];
  };
  /** Where clusters come from that are not in `static_resources`. */
  readonly dynamic_resources?: { readonly cds_config: object };
  readonly stats_config?: { readonly stats_tags: readonly StatsTag[] };
  readonly overload_manager: {
    readonly resource_monitors: readonly { readonly name: string; readonly typed_config: TypedConfig }[];
  };
}

/**
 * A whole configuration for one Envoy. Where a filter is discovered, it needs `withDiscovery` too.
 */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  return {
    node: { id: options.node.id, cluster: options.node.cluster },
    // The admin interface can still be reached when the proxy's connections are used up.
    admin: {
      address: socketAddress(options.adminAddress ?? "127.0.0.1", options.adminPort),
      ignore_global_conn_limit: true,
    },
    static_resources: { listeners: options.listeners, clusters: options.clusters },
    ...(options.statsTags === undefined ? {} : { stats_config: { stats_tags: options.statsTags } }),
    overload_manager: {
      resource_monitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typed_config: typedConfig(
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            { max_active_downstream_connections: MAX_DOWNSTREAM_CONNECTIONS },
          ),
        },
      ],
    },
  };
}
