// What an edit of a mesh file means for the mesh that runs: settings of filters are taken at once, the rest needs a restart. Pure.

import { formatPath } from "../../envoy/problems.js";
import type { Mesh } from "./schema.js";

type Path = readonly PropertyKey[];

/** The places that differ and that only a restart can change, as people write them. */
export function structuralChanges(started: Mesh, edited: Mesh): string[] {
  return differences(started, edited, []).map(formatPath);
}

function differences(before: unknown, after: unknown, path: Path): Path[] {
  if (Object.is(before, after) || isLive(path)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [path];
    return before.flatMap((item, i) => differences(item, after[i], [...path, i]));
  }
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
  }
  return [path];
}

/** Inside a filter's `config`, but for the header that Envoy's routes match, which stands in the listener as well. */
function isLive(path: Path): boolean {
  const at = path.findIndex(
    (step, i) => step === "config" && typeof path[i - 1] === "number" && path[i - 2] === "filters",
  );
  return at >= 0 && path.length > at + 1 && path[at + 1] !== "destinationHeader";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
