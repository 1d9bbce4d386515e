// Every small slip that a person may make in a document: one at a time, at every place.

import type { Json } from "../../envoy/config/json.js";

/** A changed document, and what was changed. */
export interface Mutation {
  readonly what: string;
  readonly document: Json;
}

type Path = readonly (string | number)[];

const DURATION = /^\d+(?:\.\d+)?(?:ms|s|m|h)$/;
const INSTANT = /^\d{4}-\d\d-\d\dT/;

/** Values that are tried in place of a value. */
function instead(value: Json): readonly Json[] {
  if (typeof value === "number") return [-1, 0, 0.005, 1.5, 1e9, "1", true, value + 1];
  if (typeof value === "boolean") return [!value, "true", 0];
  if (typeof value !== "string") return [null, "x", 0, [], {}];
  const texts: readonly Json[] = ["", "x", "A b", "a\u0000b", "é".repeat(3000), 7, null, `${value} `];
  if (DURATION.test(value)) {
    return [
      ...texts,
      ...["0ms", "0s", "0.0h", "1ms", "0.5ms", "1.0ms", "1.2345s", "007s", "1.5s", "59.999m", "9999s"],
      ...["24h", "24.0h", "24.1h", "25h", "1440m", "1441m", "86400s", "86401s", "86400000ms", "86400001ms"],
      ...["999999999h", "1234567890ms", "5", "1d", "-1s", "+1s", "1 s", "1S", "1e3ms", ".5s", "1.s"],
    ];
  }
  if (INSTANT.test(value)) {
    return [
      ...texts,
      ...["2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01"],
      ...["2026-01-01T25:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+02:00", "1700000000"],
      ...["2026-01-01T00:00:00.123Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00z", "2026-01-01T00:00Z"],
    ];
  }
  return [...texts, value.toUpperCase(), value.slice(1), "host", "192.0.2.0/33", "::1/128", "fe80::1%eth0"];
}

/** All documents that differ from this one in one place. */
export function* mutations(document: Json): Generator<Mutation> {
  for (const path of placesIn(document, [])) {
    const value = at(document, path);
    for (const other of instead(value)) yield replaced(document, path, other);
    if (Array.isArray(value)) {
      for (const item of value) yield replaced(document, path, [...value, item]);
      yield replaced(document, path, value.slice(1));
      yield replaced(document, path, value.toReversed());
    } else if (typeof value === "object" && value !== null) {
      yield replaced(document, path, { ...value, unknownKey: 1 });
      for (const key of Object.keys(value)) {
        const { [key]: _, ...rest } = value as Record<string, Json>;
        yield { what: `without ${[...path, key].join(".")}`, document: put(document, path, rest) };
      }
    }
  }
}

/**
 * Documents of the second kind: what one object has is added to another one of the same place in
 * another list entry, so that keys meet that exclude each other.
 */
export function* unions(document: Json): Generator<Mutation> {
  for (const path of placesIn(document, [])) {
    const value = at(document, path);
    if (!Array.isArray(value)) continue;
    for (const one of value) {
      for (const other of value) {
        if (!isObject(one) || !isObject(other) || one === other) continue;
        yield replaced(document, path, [{ ...one, ...other }]);
        yield replaced(document, path, [
          one,
          { ...other, ...("name" in one ? { name: one.name } : {}) },
        ] as Json);
      }
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placesIn(value: Json, path: Path): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, below]) => placesIn(below, [...path, key]))];
}

function at(value: Json, path: Path): Json {
  return path.reduce<Json>((found, step) => (found as Record<string | number, Json>)[step] ?? null, value);
}

function replaced(document: Json, path: Path, value: Json): Mutation {
  return {
    what: `${path.join(".")} = ${JSON.stringify(value).slice(0, 120)}`,
    document: put(document, path, value),
  };
}

function put(document: Json, [step, ...rest]: Path, value: Json): Json {
  if (step === undefined) return value;
  const copy = structuredClone(document) as Record<string | number, Json>;
  copy[step] = put(copy[step] ?? null, rest, value);
  return copy as Json;
}
