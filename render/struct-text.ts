// The settings as a proxy hands them to a module that got them in a Struct.

import type { Json } from "../envoy/config/json.js";

/**
 * The text that a module reads where a Struct carries the configuration, as in a WasmPlugin: keys
 * in alphabetical order, and nothing at all for an empty object.
 */
export function structText(config: Json): string {
  const isEmpty = config === null || (typeof config === "object" && Object.keys(config).length === 0);
  return isEmpty ? "" : JSON.stringify(sortedKeys(config));
}

function sortedKeys(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  const entries = Object.entries(value as Readonly<Record<string, Json>>);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, below]) => [key, sortedKeys(below)]),
  );
}
