// The parts of a service's paths at the gateway on which the same filters run. Each is rules of its
// HTTPRoute with names, and a policy has them by these.

import { pathParts, runsAt } from "../../compose/filter-paths.js";
import type { FilterUse } from "../../compose/filter-use.js";

/** Paths, and the filters that run on them. */
export interface RoutePart {
  /** Undefined where the HTTPRoute has no other part. */
  readonly name: string | undefined;
  readonly prefixes: readonly string[];
  /** In the order of the chain. */
  readonly uses: readonly FilterUse[];
}

/**
 * @param prefixes the service's own, of the gateway's routes
 * @param all those of every route: the longest that a path begins with takes it
 */
export function routeParts(
  prefixes: readonly string[],
  all: readonly string[],
  uses: readonly FilterUse[],
): readonly RoutePart[] {
  const groups = new Map<string, string[]>();
  for (const within of prefixes) {
    const longer = all.filter((prefix) => prefix !== within && prefix.startsWith(within));
    for (const part of pathParts(uses, within)) {
      if (part !== within && longer.some((prefix) => part.startsWith(prefix))) continue;
      const running = uses.map((use) => runsAt(use, part)).join();
      groups.set(running, [...(groups.get(running) ?? []), part]);
    }
  }
  const parts = [...groups.values()];
  return parts.map((found, i) => ({
    name: parts.length === 1 ? undefined : `part-${i + 1}`,
    prefixes: found,
    uses: uses.filter((use) => runsAt(use, found[0] ?? "/")),
  }));
}
