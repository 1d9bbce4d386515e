// Merges a part of a compose project with one that comes later: an override file, or the service
// that extends another. Both are in canonical form. Mappings are merged key by key, lists are
// joined, and anything else is replaced.

import { type Dict, isDict, textOf } from "./values.js";

type Merge = (earlier: unknown, over: unknown) => unknown;

/** What is merged in its own way, by its path in a service. */
const OF_A_SERVICE: Readonly<Record<string, Merge>> = {
  command: replaced,
  entrypoint: replaced,
  "healthcheck.test": replaced,
  "build.args": spread,
  "build.labels": spread,
  annotations: spread,
  environment: spread,
  labels: spread,
  sysctls: spread,
  "deploy.labels": spread,
  env_file: (a, b) => unique(a, b, (item) => (isDict(item) ? String(item.path) : "")),
  volumes: (a, b) => unique(a, b, mountTarget),
  devices: (a, b) => unique(a, b, mountTarget),
  ports: (a, b) => unique(a, b, portKey),
  logging: mergeLogging,
};

/** Merges two services. */
export function mergeService(earlier: Dict, over: Dict): Dict {
  return mergeParts(earlier, over, []);
}

/** Merges two models of compose files. */
export function mergeModels(earlier: Dict, over: Dict): Dict {
  const merged: Dict = { ...earlier };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] =
      key === "services" && isDict(before) && isDict(value)
        ? mergeServices(before, value)
        : mergeValues(before, value);
  }
  return merged;
}

export function mergeServices(earlier: Dict, over: Dict): Dict {
  const merged: Dict = { ...earlier };
  for (const [name, service] of Object.entries(over)) {
    const before = merged[name];
    merged[name] = isDict(before) && isDict(service) ? mergeService(before, service) : (service ?? before);
  }
  return merged;
}

/** The ports without repetitions, of which the last counts. */
export function uniquePorts(ports: readonly unknown[]): readonly unknown[] {
  return unique([], ports, portKey);
}

function mergeParts(earlier: Dict, over: Dict, path: readonly string[]): Dict {
  const merged: Dict = { ...earlier };
  for (const [key, value] of Object.entries(over)) {
    merged[key] = key in merged ? mergeAt(merged[key], value, [...path, key]) : value;
  }
  return merged;
}

function mergeAt(earlier: unknown, over: unknown, path: readonly string[]): unknown {
  const own = OF_A_SERVICE[path.join(".")];
  if (own !== undefined) return own(earlier, over);
  if (isDict(earlier) && isDict(over)) return mergeParts(earlier, over, path);
  return mergeValues(earlier, over);
}

/** What has no rule of its own. */
function mergeValues(earlier: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return earlier;
  if (isDict(earlier) && isDict(over)) {
    const keys = new Set([...Object.keys(earlier), ...Object.keys(over)]);
    return Object.fromEntries([...keys].map((key) => [key, mergeValues(earlier[key], over[key])]));
  }
  if (Array.isArray(earlier) && Array.isArray(over)) return unique(earlier, over, JSON.stringify);
  return over;
}

function replaced(_earlier: unknown, over: unknown): unknown {
  return over;
}

function spread(earlier: unknown, over: unknown): unknown {
  return isDict(earlier) && isDict(over) ? { ...earlier, ...over } : (over ?? earlier);
}

/** One list, in which an item of the same key replaces the one before, in its place. */
function unique(earlier: unknown, over: unknown, key: (item: unknown) => string): readonly unknown[] {
  const items = [earlier, over].flatMap((list) => (Array.isArray(list) ? list : []));
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

function portKey(item: unknown): string {
  if (!isDict(item)) return String(item);
  const { host_ip = "0.0.0.0", published = "", target, protocol = "tcp" } = item;
  return `${host_ip}:${published}:${target}/${protocol}`;
}

function mergeLogging(earlier: unknown, over: unknown): unknown {
  if (!isDict(earlier) || !isDict(over)) return over ?? earlier;
  const isSame = earlier.driver === undefined || over.driver === undefined || earlier.driver === over.driver;
  return isSame ? mergeValues(earlier, over) : over;
}

/** Where a volume or a device is in the container. */
function mountTarget(item: unknown): string {
  if (isDict(item)) return textOf(item.target) ?? "";
  const parts = (textOf(item) ?? "").split(":");
  return parts[1] ?? parts[0] ?? "";
}
