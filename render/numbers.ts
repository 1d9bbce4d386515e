// Numbers that do not survive the way into a cluster: a Struct keeps every number as a double, and
// so does every tool that reads YAML on the way.

import type { Json } from "../envoy/config/json.js";
import { MeshwrightError } from "../envoy/errors.js";
import { formatPath, type Problem } from "../envoy/problems.js";

/** Every whole number that a double may have changed, with its place. */
export function inexactNumbers(value: Json, path: readonly PropertyKey[] = []): readonly Problem[] {
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return [];
    const reason = `${value} is beyond 2^53, where a cluster changes whole numbers silently; use a smaller number`;
    return [{ path, reason }];
  }
  if (typeof value !== "object" || value === null) return [];
  const entries: readonly (readonly [PropertyKey, Json])[] = Array.isArray(value)
    ? value.map((item, i) => [i, item] as const)
    : Object.entries(value);
  return entries.flatMap(([key, below]) => inexactNumbers(below, [...path, key]));
}

/**
 * Throws `MeshwrightError("configuration")` that names each such number.
 * @param placeOf `file:line:column` of a value in the configuration
 */
export function refuseInexactNumbers(
  filter: string,
  config: Json,
  placeOf: (path: readonly PropertyKey[]) => string,
): void {
  const lines = inexactNumbers(config).map(
    ({ path, reason }) => `${placeOf(path)}: ${formatPath(path)}: ${reason}`,
  );
  const [first, ...rest] = lines;
  if (first === undefined) return;
  throw new MeshwrightError("configuration", `${filter} configuration refused: ${first}`, rest);
}
