// Decides in which chain each filter stands, a listener's or a cluster's, and how its settings look
// there.

import type { Json } from "../envoy/config/json.js";
import type { FilterChain } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

/**
 * The chain that a person put the filter in, otherwise the one that its settings ask for.
 * `downstream` where they ask for none.
 */
export function chainOf({ descriptor, config, chain }: FilterUse): FilterChain {
  return chain ?? descriptor.chain?.(config) ?? "downstream";
}

/** The settings that the filter gets where it stands. */
export function settingsOf(use: FilterUse): Json {
  const { descriptor, config, cluster } = use;
  if (cluster === undefined || chainOf(use) !== "upstream") return config;
  return (descriptor.inCluster?.(config, cluster) ?? config) as Json;
}

/** A cluster's chain: each filter with the settings that it has there. */
export function inChainOf<Use extends FilterUse>(uses: readonly Use[], cluster: string): readonly Use[] {
  return uses.map((use) => ({ ...use, cluster }));
}

/** The only one of these clusters. Settings that several share can name none. */
export function onlyCluster(clusters: readonly string[]): string | undefined {
  return clusters.length === 1 ? clusters[0] : undefined;
}

/**
 * Distributes filters to the two chains, in the order in which a request, and then each attempt,
 * passes them.
 */
export function byChain<Use extends FilterUse>(
  uses: readonly Use[],
): Readonly<Record<FilterChain, readonly Use[]>> {
  return {
    downstream: uses.filter((use) => chainOf(use) === "downstream"),
    upstream: uses.filter((use) => chainOf(use) === "upstream"),
  };
}
