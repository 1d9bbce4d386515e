// How the filter retry-budget tells the router not to retry a response that has come: it marks the
// response. What stands around the filter must neither take the mark for the opposite nor pass it
// on to the client.

import { chainOf } from "./chains.js";
import type { FilterUse } from "./destinations.js";

const MARK = "x-envoy-ratelimited";
/** With this condition a marked response is retried, and no other is spared. */
const OPPOSITE = "envoy-ratelimited";

function marks(uses: readonly FilterUse[]): boolean {
  return uses.some((use) => use.filter === "retry-budget" && chainOf(use) === "upstream");
}

/**
 * The response headers that a virtual host takes away once the router has read them. @param uses
 * the filters of its clusters
 */
export function routersOwnHeaders(uses: readonly FilterUse[]): readonly string[] {
  return marks(uses) ? [MARK] : [];
}

/** Why these conditions do not go with the filters; undefined where they do. */
export function conditionsProblem(
  uses: readonly FilterUse[],
  conditions: readonly (string | number)[] = [],
): string | undefined {
  if (!conditions.includes(OPPOSITE) || !marks(uses)) return undefined;
  return `cannot have "${OPPOSITE}" where retry-budget stands: it retries just what the filter says is not to be retried`;
}
