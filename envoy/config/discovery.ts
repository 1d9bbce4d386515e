// The discovery server in a bootstrap: the cluster that leads to it.
import type { Bootstrap } from "./bootstrap.js";
import { type Cluster, cluster } from "./cluster.js";
import { DISCOVERY_CLUSTER } from "./discovery-source.js";

/** The server's address, as Envoy sees it. */
export type DiscoveryAddress =
  | { readonly address: string; readonly port: number }
  /** A Unix domain socket, absolute. */
  | { readonly path: string };

/**
 * The same bootstrap for an Envoy whose discovered filters get their settings from this server. The
 * address is not a part of a plan: the server listens on a free port of its own.
 */
export function withDiscovery(bootstrap: Bootstrap, server: DiscoveryAddress): Bootstrap {
  const { listeners, clusters } = bootstrap.static_resources;
  // The first one, because those after it ask the server when they are made.
  return { ...bootstrap, static_resources: { listeners, clusters: [clusterTo(server), ...clusters] } };
}

function clusterTo(server: DiscoveryAddress): Cluster {
  const options = { name: DISCOVERY_CLUSTER, protocol: "http2" } as const;
  if (!("path" in server)) return cluster({ ...options, endpoints: [server] });
  const endpoint = { address: { pipe: { path: server.path } } };
  const load_assignment = { cluster_name: options.name, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return { ...cluster({ ...options, endpoints: [] }), load_assignment };
}
