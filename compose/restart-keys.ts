// Finds the keys of a filter's settings that Envoy's listeners, routes or clusters repeat. Changing
// them needs a restart.

import { isDeepStrictEqual } from "node:util";
import { chainOf } from "./chains.js";
import { destinationHeader } from "./destinations.js";
import { differences } from "./differences.js";
import type { FilterUse } from "./filter-use.js";
import { outlierHeaders } from "./outlier-marks.js";
import { routersOwnHeaders } from "./retry-marks.js";

/**
 * The changed keys of a filter's settings that need a restart, each as a path. The empty path means
 * the settings as a whole: Envoy's configuration would have to change, and the filter does not name
 * the key.
 */
export function changedRestartKeys(before: FilterUse, after: FilterUse): readonly (readonly PropertyKey[])[] {
  const old = before.descriptor.restartKeys?.(before.config) ?? {};
  const now = after.descriptor.restartKeys?.(after.config) ?? {};
  const changed = differences(old, now);
  if (changed.length > 0 || isDeepStrictEqual(placement(before), placement(after))) return changed;
  return [[]];
}

/** The part of Envoy's own configuration that comes from the filter. */
function placement(use: FilterUse): unknown {
  const marks = [routersOwnHeaders([use]), outlierHeaders([use])];
  return [chainOf(use), destinationHeader([use]), ...marks, use.paths];
}
