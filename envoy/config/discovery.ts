// The discovery server in a bootstrap: the cluster that leads to it.
import type { Bootstrap } from "./bootstrap.js";
import { cluster } from "./cluster.js";
import { DISCOVERY_CLUSTER } from "./discovery-source.js";

/** The server's address, as Envoy sees it. */
export interface DiscoveryAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * The same bootstrap for an Envoy whose discovered filters get their settings from this server. The
 * address is not a part of a plan: the server listens on a free port of its own.
 */
export function withDiscovery(bootstrap: Bootstrap, server: DiscoveryAddress): Bootstrap {
  const { listeners, clusters } = bootstrap.static_resources;
  const toServer = cluster({ name: DISCOVERY_CLUSTER, endpoints: [server], protocol: "http2" });
  // The first one, because those after it ask the server when they are made.
  return { ...bootstrap, static_resources: { listeners, clusters: [toServer, ...clusters] } };
}
