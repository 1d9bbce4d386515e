// The parts of a bootstrap that can change while Envoy runs: its clusters, and its listeners'
// routes.
import type { Bootstrap } from "./bootstrap.js";
import { type Cluster, cluster } from "./cluster.js";
import { RESOURCES_CLUSTER, restSource } from "./discovery-source.js";
import type { Endpoint } from "./endpoints.js";
import type { Listener } from "./listener.js";

export const CLUSTER_TYPE = "envoy.config.cluster.v3.Cluster";
export const ROUTES_TYPE = "envoy.config.route.v3.RouteConfiguration";

/** The routes of one listener. */
export interface RouteConfiguration {
  readonly name: string;
}

/** A bootstrap's changeable parts. */
export interface LiveResources {
  readonly clusters: readonly Cluster[];
  readonly routes: readonly RouteConfiguration[];
}

export function liveResources({ static_resources }: Bootstrap): LiveResources {
  return {
    clusters: static_resources.clusters,
    routes: static_resources.listeners.flatMap((listener) => routesOf(listener) ?? []),
  };
}

/** A listener's routes, which are called as it is; undefined where it is not of HTTP. */
export function routesOf({ name, filter_chains }: Listener): RouteConfiguration | undefined {
  const route_config = filter_chains[0]?.filters[0]?.typed_config.route_config;
  return route_config === undefined ? undefined : { ...(route_config as object), name };
}

/**
 * The same listener, whose routes come from elsewhere. @param source a `ConfigSource` of Envoy's
 */
export function withRoutesFrom(listener: Listener, source: object): Listener {
  const rds = { route_config_name: listener.name, config_source: source };
  const filter_chains = listener.filter_chains.map((chain) => ({
    ...chain,
    filters: chain.filters.map((filter) => {
      const { route_config: routes, ...manager } = filter.typed_config;
      return routes === undefined ? filter : { ...filter, typed_config: { ...manager, rds } };
    }),
  }));
  return { ...listener, filter_chains };
}

/** The same bootstrap for an Envoy that gets its clusters and routes from this server. */
export function withResources(bootstrap: Bootstrap, server: Endpoint): Bootstrap {
  const toServer = cluster({ name: RESOURCES_CLUSTER, endpoints: [server], protocol: "http2" });
  const listeners = bootstrap.static_resources.listeners.map((each) => withRoutesFrom(each, restSource()));
  return {
    ...bootstrap,
    static_resources: { listeners, clusters: [toServer] },
    dynamic_resources: { cds_config: restSource() },
  };
}
