// What an edit of a mesh file means for the mesh that runs: settings of filters are taken at once,
// the rest needs a restart. Pure.

import { formatPath } from "../../envoy/problems.js";
import { changedFixedKeys } from "../chains.js";
import type { FilterUse } from "../destinations.js";
import type { Mesh } from "./schema.js";

type Path = readonly PropertyKey[];

/** The places that differ and that only a restart can change, as people write them. */
export function structuralChanges(started: Mesh, edited: Mesh): string[] {
  return differences(started, edited, []).map(formatPath);
}

function differences(before: unknown, after: unknown, path: Path): Path[] {
  // A filter's settings are taken while the mesh runs.
  if (Object.is(before, after) || (path.at(-1) === "config" && isFilterPath(path.slice(0, -1)))) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [path];
    return before.flatMap((item, i) => differences(item, after[i], [...path, i]));
  }
  if (!isObject(before) || !isObject(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const below = [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
  if (!isFilterPath(path) || below.length > 0) return below;
  // The schema has seen to it that a filter stands there.
  const fixed = changedFixedKeys(before as unknown as FilterUse, after as unknown as FilterUse);
  return fixed.map((key) => [...path, "config", key]);
}

/** Whether a filter stands there: lists are nowhere else in `filters`. */
function isFilterPath(path: Path): boolean {
  return typeof path.at(-1) === "number" && path.at(-2) === "filters";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
