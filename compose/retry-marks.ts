// Filters tell the router about retries by response headers. Clients must not get these headers,
// and some retry conditions of a route would misread them.

import type { FilterUse } from "./filter-use.js";

/**
 * The response headers that a virtual host removes after the router has read them.
 * @param uses the filters of its clusters
 */
export function routersOwnHeaders(uses: readonly FilterUse[]): readonly string[] {
  return [...new Set(uses.flatMap(({ descriptor, config }) => descriptor.routerHeaders?.(config) ?? []))];
}

/** Why these conditions cannot be used with the filters; undefined where they can. */
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
