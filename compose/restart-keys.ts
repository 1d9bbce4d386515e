// What of a filter's settings stands in Envoy's listeners, routes or clusters too, so that only a
// restart can change it.

import { isDeepStrictEqual } from "node:util";
import { chainOf } from "./chains.js";
import { destinationHeader } from "./destinations.js";
import type { FilterUse } from "./filter-use.js";
import { routersOwnHeaders } from "./retry-marks.js";

/**
 * The keys of a filter's settings that say otherwise now, and that only a restart changes; each is
 * a path. The empty path stands for the settings as a whole, where Envoy would have to change and
 * the filter does not say by which key.
 */
export function changedRestartKeys(before: FilterUse, after: FilterUse): readonly (readonly PropertyKey[])[] {
  const old = before.descriptor.restartKeys?.(before.config) ?? {};
  const now = after.descriptor.restartKeys?.(after.config) ?? {};
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const changed = keys.filter((key) => !isDeepStrictEqual(old[key], now[key])).map((key) => [key]);
  if (changed.length > 0 || isDeepStrictEqual(placement(before), placement(after))) return changed;
  return [[]];
}

/** What Envoy's own configuration takes from the filter. */
function placement(use: FilterUse): unknown {
  return [chainOf(use), destinationHeader([use]), routersOwnHeaders([use])];
}
