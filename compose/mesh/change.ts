// Finds what an edit of a mesh file means for the running mesh: filters' settings are applied at
// once, everything else needs a restart. Pure.

import { formatPath } from "../../envoy/problems.js";
import type { FilterUse } from "../filter-use.js";
import { changedRestartKeys } from "../restart-keys.js";
import type { Mesh } from "./shape.js";

type Path = readonly PropertyKey[];

/** The changed places that need a restart, as people write them. */
export function structuralChanges(started: Mesh, edited: Mesh): string[] {
  return differences(started, edited, []).map(formatPath);
}

function differences(before: unknown, after: unknown, path: Path): Path[] {
  if (Object.is(before, after)) return [];
  if (isUse(before) && isUse(after)) {
    const { config: _before, descriptor: _descriptor, ...placed } = before;
    const { config: _after, descriptor: _other, ...placedNow } = after;
    const changed = differences(placed, placedNow, path);
    // A filter's settings are applied while the mesh runs, except those that Envoy's own
    // configuration repeats.
    const keys = changed.length > 0 ? [] : changedRestartKeys(before, after);
    return [...changed, ...keys.map((key) => [...path, "config", ...key])];
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [path];
    return before.flatMap((item, i) => differences(item, after[i], [...path, i]));
  }
  if (!isObject(before) || !isObject(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
}

/** Whether the value is a filter: the schema adds a descriptor to nothing else. */
function isUse(value: unknown): value is FilterUse {
  return isObject(value) && "descriptor" in value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
