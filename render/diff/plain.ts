// The part of a resource that a person wrote: without what the cluster adds, in one order of keys.

import type { Json } from "../../envoy/config/json.js";
import { DEFAULTS } from "./defaults.js";

/** Keys of `metadata` that the cluster writes. */
const OF_THE_CLUSTER = new Set([
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generateName",
  "generation",
  "managedFields",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid",
]);
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

type Fields = Readonly<Record<string, Json>>;

/** A copy to compare. Both sides of a comparison must come from here. */
export function plainResource(resource: object): Fields {
  const { status: _, metadata, ...rest } = resource as Fields;
  const kind = String(rest.kind);
  const written = { ...rest, metadata: plainMetadata((metadata ?? {}) as Fields) };
  return withoutEmpty(withoutDefaults(written, kind, "")) as Fields;
}

function plainMetadata(metadata: Fields): Json {
  const kept = Object.entries(metadata).filter(([key]) => !OF_THE_CLUSTER.has(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === "annotations" ? withoutLastApplied(value) : value]),
  );
}

function withoutLastApplied(annotations: Json): Json {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => key !== LAST_APPLIED));
}

function withoutDefaults(value: Json, kind: string, path: string): Json {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, kind, `${path}[]`));
  if (typeof value !== "object" || value === null) return value;
  const defaults = DEFAULTS[kind] ?? {};
  const entries = Object.entries(value as Fields).flatMap(([key, below]): [string, Json][] => {
    const place = path === "" ? key : `${path}.${key}`;
    if (Object.hasOwn(defaults, place) && defaults[place] === below) return [];
    return [[key, withoutDefaults(below, kind, place)]];
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** An empty map says as much as none, but an item of a list counts. */
function withoutEmpty(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as Fields).map(([key, below]) => [key, withoutEmpty(below)] as const);
  return Object.fromEntries(entries.filter(([key, below]) => key === "spec" || !isEmpty(below)));
}

function isEmpty(value: Json): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}
