// Random configuration documents, made from a filter's JSON Schema or from documents that are known
// to be good, and then damaged a little.

import { Seeded } from "../host/seeded.js";

/** Random numbers and picks, which a seed repeats. */
export class Random extends Seeded {
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined && from.length === 0) throw new Error("there is nothing to pick from");
    return picked as T;
  }
}

/**
 * The parts of JSON Schema that the generator follows. When it ignores a part, both readers still
 * must agree on the document.
 */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

const NUMBERS =
  "0 -0 1 -1 2 50 100 101 0.5 0.01 0.07 0.29 1.005 14.57 33.33 33.333 99.99 100.01 512 8192 8193 1e6 1000001 4294967296 9007199254740991 9007199254740992 -9007199254740991 -9007199254740992 1e21 5e-324"
    .split(" ")
    .map(Number);
const WORDS =
  "a A a-b_c.1 GET Get / /api/v1 api é 😀 x-user X-User host cookie traceparent set-cookie :authority :scheme :path x-mesh-destination w3c b3";
const SIZES = [32, 33, 64, 65, 128, 129, 256, 257, 4096, 4097];
const LONG = ["a", "é"].flatMap((letter) => SIZES.map((size) => letter.repeat(size)));
const DURATIONS = "0ms 1ms 20ms 250ms 0.5ms 1.5s 10s 10m 1h 24h 25h -1s 1d".split(" ");
const DATES =
  "2026-11-21T18:00:00Z 2026-11-21T18:00:00.5+01:00 1970-01-01T00:00:00Z 2026-02-29T00:00:00Z 2026-11-21".split(
    " ",
  );
const TEXTS = ["", " ", "\u0000", '\\"\n', "\ud800", ...WORDS.split(" "), ...DURATIONS, ...DATES, ...LONG];
const KEYS = ["", "\u0000", ..."name match exact from key unknown __proto__ constructor toString".split(" ")];

/** A document that mostly fits the schema. */
export function randomDocument(schema: JsonSchema, random: Random): unknown {
  if (schema.anyOf !== undefined) return randomDocument(random.pick(schema.anyOf), random);
  if (schema.enum !== undefined) return random.pick(schema.enum);
  if (schema.const !== undefined) return schema.const;
  if (schema.type === "object") return randomObject(schema, random);
  if (schema.type === "array") {
    const { items = {} } = schema;
    return Array.from({ length: 1 + random.below(3) }, () => randomDocument(items, random));
  }
  if (schema.type === "boolean") return random.below(2) === 0;
  if (schema.type === "number" || schema.type === "integer") {
    const { minimum = -1000, maximum = 1000 } = schema;
    const number = Math.max(-1000, minimum) + random.below(Math.min(1000, maximum) + 1);
    return schema.type === "integer" || random.below(2) === 0 ? number : number / 100;
  }
  const fitting = fittingTexts(schema);
  // When no text fits the pattern, only the accepted documents have texts that do.
  return random.pick(random.below(8) === 0 || fitting.length === 0 ? TEXTS : fitting);
}

function fittingTexts({ pattern = "", format }: JsonSchema): readonly string[] {
  if (format === "date-time") return DATES;
  const wanted = new RegExp(pattern, "u");
  return TEXTS.filter((text) => wanted.test(text));
}

function randomObject(schema: JsonSchema, random: Random): Record<string, unknown> {
  const { properties = {}, required = [] } = schema;
  const names = Object.keys(properties);
  const chosen = new Set(required);
  for (let more = random.below(3); more > 0; more--) chosen.add(random.pick(names));
  return Object.fromEntries(
    [...chosen].map((name) => [name, randomDocument(properties[name] ?? {}, random)]),
  );
}

/** The document with one place changed, as JSON text. */
export function damaged(document: unknown, random: Random): string {
  const text = JSON.stringify(document);
  const root = { root: JSON.parse(text) as unknown };
  const places = placesIn(root);
  const { holder, key } = random.pick(places);
  const other = random.pick(places);
  switch (random.below(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      holder[key] = JSON.parse(JSON.stringify(other.holder[other.key]));
      break;
    case 2:
      if (Array.isArray(holder)) holder.push(holder[Number(key)]);
      else
        Object.defineProperty(holder, random.pick(KEYS), { value: 1, enumerable: true, configurable: true });
      break;
    default:
      holder[key] = random.pick<unknown>([
        random.pick(NUMBERS),
        random.pick(TEXTS),
        null,
        true,
        false,
        [],
        {},
      ]);
  }
  return JSON.stringify("root" in root ? root.root : null) ?? "null";
}

interface Slot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/** Every value in the document, with the object or list that holds it. */
function placesIn(value: unknown): Slot[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])]);
}
