// The names of the upstreams' clusters in one Envoy.

/** The cluster that gets every request that no filter sends elsewhere. */
export const FALLBACK_CLUSTER = "upstream";

/** The cluster of the upstream that serves a destination. */
export function upstreamName(destination: string): string {
  return `${FALLBACK_CLUSTER}-${destination}`;
}

/** Whether a cluster of an upstream may have this name. */
export function isUpstreamName(cluster: string): boolean {
  return cluster === FALLBACK_CLUSTER || cluster.startsWith(upstreamName(""));
}
