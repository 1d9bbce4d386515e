// The JSON Schema of a configuration, by which editors check and complete it. zod writes the shape;
// the rules that zod knows only as functions say here what JSON Schema can say of them. It may
// accept what the zod schema refuses, such as two rules of one name, and never the reverse.

import { z } from "zod";
import { withDefinitions } from "./json-schema-definitions.js";

type JsonSchema = z.core.JSONSchema.BaseSchema;
type Fragment = Readonly<Record<string, unknown>>;

/** A shared symbol, because an author's filter may load this file a second time. */
const FRAGMENT = Symbol.for("meshwright.jsonSchema");

/**
 * For `refine`: the same rule, and what JSON Schema can say of it.
 * @param fragment keywords of JSON Schema 2020-12; they must accept whatever the rule accepts
 */
export function inJsonSchema<T>(rule: (value: T) => boolean, fragment: Fragment): (value: T) => boolean {
  return Object.assign((value: T) => rule(value), { [FRAGMENT]: fragment });
}

/** The JSON Schema of what a person writes, in draft 2020-12. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      for (const check of zodSchema._zod.def.checks ?? []) {
        const { fn } = check._zod.def as { readonly fn?: { readonly [FRAGMENT]?: Fragment } };
        add(jsonSchema, fn?.[FRAGMENT] ?? {});
      }
      // zod's own formats are unknown to validators, which then refuse the whole schema. The
      // pattern says the same.
      if (jsonSchema.pattern !== undefined) delete jsonSchema.format;
    },
  });
  const plain = JSON.parse(JSON.stringify(json), (_, value) => withoutTypeList(value)) as JsonSchema;
  return withDefinitions(plain);
}

/** Strict validators refuse a list of types, which zod writes for a union of them. */
function withoutTypeList(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("type" in value)) return value;
  const { type: types, ...rest } = value;
  return Array.isArray(types) ? { ...rest, anyOf: types.map((type) => ({ type })) } : value;
}

function add(schema: JsonSchema, fragment: Fragment): void {
  const taken = Object.keys(fragment).some((keyword) => schema[keyword] !== undefined);
  if (taken) schema.allOf = [...(schema.allOf ?? []), fragment];
  else Object.assign(schema, fragment);
}

/** That an object has this key. */
export function hasKey(name: string): Fragment {
  return has(name, true);
}

/** That an object has such a value under this key. */
export function has(name: string, value: Fragment | true): Fragment {
  // Validators that are strict want each key in `properties`, and the type wherever there are any.
  return { type: "object", properties: { [name]: value }, required: [name] };
}

/** That a list has an object with such a value under this key. */
export function contains(name: string, value: Fragment): Fragment {
  return { contains: has(name, value) };
}

/** Whether an object has this key. One whose value is undefined is not in the document. */
export function hasValue(value: object, key: string): boolean {
  return (value as Fragment)[key] !== undefined;
}

/** For `refine` of an object: a key that stands only beside another one. */
export function needs(name: string, other: string) {
  return inJsonSchema((value: object) => !hasValue(value, name) || hasValue(value, other), {
    dependentRequired: { [name]: [other] },
  });
}
