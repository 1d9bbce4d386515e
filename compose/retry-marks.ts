// How filters speak to the router about retries: by response headers that clients must not get, and
// that some of a route's conditions would take for something else.

import type { FilterUse } from "./filter-use.js";

/**
 * The response headers that a virtual host takes away once the router has read them.
 * @param uses the filters of its clusters
 */
export function routersOwnHeaders(uses: readonly FilterUse[]): readonly string[] {
  return [...new Set(uses.flatMap(({ descriptor, config }) => descriptor.routerHeaders?.(config) ?? []))];
}

/** Why these conditions do not go with the filters; undefined where they do. */
export function conditionsProblem(
  uses: readonly FilterUse[],
  conditions: readonly (string | number)[] = [],
): string | undefined {
  for (const { filter, descriptor, config } of uses) {
    const refused = Object.entries(descriptor.refusedRetryConditions?.(config) ?? {});
    const [condition, why] = refused.find(([each]) => conditions.includes(each)) ?? [];
    if (condition !== undefined) return `cannot have "${condition}" where ${filter} stands: it ${why}`;
  }
  return undefined;
}
