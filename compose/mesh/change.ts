// Finds what an edit of a mesh file means for the running mesh: filters' settings are applied at
// once, everything else needs a restart. Pure.

import { formatPath } from "../../envoy/problems.js";
import { differences, type Special } from "../differences.js";
import type { FilterUse } from "../filter-use.js";
import { changedRestartKeys } from "../restart-keys.js";
import { hasAccessRules } from "./access.js";
import { hasPathRules } from "./access-filter.js";
import { fixedInMesh } from "./plan.js";
import type { Mesh } from "./shape.js";

/** The changed places that need a restart, as people write them. */
export function structuralChanges(started: Mesh, edited: Mesh): string[] {
  const fixed = fixedInMesh(started, true);
  const special: Special = (...pair) => ofAccess(started, edited, pair[2]) ?? ofFilter(fixed, ...pair);
  return differences(started, edited, [], special).map(formatPath);
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

/**
 * Rules of who may call whom are a filter's settings, and applied like them where the same services
 * have that filter, with or without rules for paths.
 */
function ofAccess(started: Mesh, edited: Mesh, path: readonly PropertyKey[]): ReturnType<Special> {
  const [top, service, list] = path;
  const isRule = path.length === 3 && top === "services" && (list === "allow" || list === "deny");
  if (!isRule && !(path.length === 1 && top === "access")) return undefined;
  const concerned = isRule ? [String(service)] : Object.keys(started.services);
  const isLive = concerned.every(
    (name) =>
      hasAccessRules(started, name) === hasAccessRules(edited, name) &&
      (!isRule || hasPathRules(started, name) === hasPathRules(edited, name)),
  );
  return isLive ? [] : [path];
}

/** Whether the value is a filter: the schema adds a descriptor to nothing else. */
function isUse(value: unknown): value is FilterUse {
  return typeof value === "object" && value !== null && "descriptor" in value;
}
