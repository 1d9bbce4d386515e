// What the upstreams of one Envoy are called in it.

/** The cluster that takes what no filter sends elsewhere. */
export const FALLBACK_CLUSTER = "upstream";

/** The cluster of the upstream that serves a destination. */
export function upstreamName(destination: string): string {
  return `${FALLBACK_CLUSTER}-${destination}`;
}

/** Whether we call a cluster of our own so. */
export function isUpstreamName(cluster: string): boolean {
  return cluster === FALLBACK_CLUSTER || cluster.startsWith(upstreamName(""));
}
