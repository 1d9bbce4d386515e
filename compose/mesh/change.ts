// Finds what an edit of a mesh file means for the running mesh: filters' settings are applied at
// once, everything else needs a restart. Pure.

import { formatPath } from "../../envoy/problems.js";
import { differences, type Special } from "../differences.js";
import type { FilterUse } from "../filter-use.js";
import { changedRestartKeys } from "../restart-keys.js";
import { fixedInMesh } from "./plan.js";
import type { Mesh } from "./shape.js";

/** The changed places that need a restart, as people write them. */
export function structuralChanges(started: Mesh, edited: Mesh): string[] {
  const fixed = fixedInMesh(started, true);
  return differences(started, edited, [], (...pair) => ofFilter(fixed, ...pair)).map(formatPath);
}

/**
 * A filter's settings are applied while the mesh runs, except those that Envoy's own configuration
 * repeats.
 */
function ofFilter(
  fixed: ReadonlySet<FilterUse>,
  ...[before, after, path]: Parameters<Special>
): ReturnType<Special> {
  if (!isUse(before) || !isUse(after)) return undefined;
  const { config: _before, descriptor: _descriptor, ...placed } = before;
  const { config: _after, descriptor: _other, ...placedNow } = after;
  const changed = differences(placed, placedNow, path);
  if (changed.length > 0) return changed;
  if (fixed.has(before)) return differences(before.config, after.config, [...path, "config"]);
  return changedRestartKeys(before, after).map((key) => [...path, "config", ...key]);
}

/** Whether the value is a filter: the schema adds a descriptor to nothing else. */
function isUse(value: unknown): value is FilterUse {
  return typeof value === "object" && value !== null && "descriptor" in value;
}
