// In which chain each filter stands, a listener's or a cluster's.

import type { FilterChain } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

/**
 * The chain that a person put the filter in, or that its settings ask for; where they cannot,
 * `downstream`.
 */
export function chainOf({ descriptor, config, chain }: FilterUse): FilterChain {
  return chain ?? descriptor.chain?.(config) ?? "downstream";
}

/**
 * Shares filters out to the two chains, in the order in which a request, and then each attempt,
 * meets them.
 */
export function byChain<Use extends FilterUse>(
  uses: readonly Use[],
): Readonly<Record<FilterChain, readonly Use[]>> {
  return {
    downstream: uses.filter((use) => chainOf(use) === "downstream"),
    upstream: uses.filter((use) => chainOf(use) === "upstream"),
  };
}
