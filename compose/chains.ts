// In which chain each filter stands, a listener's or a cluster's, and what else its settings say
// that stands outside of it.

import { FILTERS, type FilterChain } from "../filters/catalog.js";
import { destinationHeader, type FilterUse } from "./destinations.js";

/**
 * The chain that a person put the filter in, or that its settings ask for; where they cannot,
 * `downstream`.
 */
export function chainOf({ filter, config, chain }: FilterUse): FilterChain {
  return chain ?? FILTERS.find((room) => room.name === filter)?.chainOf?.(config) ?? "downstream";
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

/**
 * The keys of a filter's settings that say otherwise now, and that Envoy's listeners, routes or
 * clusters repeat: only a restart changes them.
 */
export function changedFixedKeys(before: FilterUse, after: FilterUse): readonly string[] {
  return [
    ...(chainOf(before) === chainOf(after) ? [] : ["where"]),
    // With another header than the routes match, every request would go to the fallback.
    ...(destinationHeader([before]) === destinationHeader([after]) ? [] : ["destinationHeader"]),
  ];
}
