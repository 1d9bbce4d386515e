// Decides in which chain each filter stands: a listener's or a cluster's.

import type { FilterChain } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

/**
 * The chain that a person put the filter in, otherwise the one that its settings ask for.
 * `downstream` where they ask for none.
 */
export function chainOf({ descriptor, config, chain }: FilterUse): FilterChain {
  return chain ?? descriptor.chain?.(config) ?? "downstream";
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
