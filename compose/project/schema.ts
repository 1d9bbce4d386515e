// The compose specification's JSON Schema as a check that says what is wrong in our words.

import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { type Dict, isDict } from "./values.js";

const FILE = path.join(PACKAGE_ROOT, "compose", "project", "compose-spec.json");

let schema: z.ZodType | undefined;

/** What a compose file may say. Variables may stand where a number or a boolean is expected. */
export function composeSchema(): z.ZodType {
  schema ??= z.preprocess(
    withoutExtensions,
    z.fromJSONSchema(closed(JSON.parse(readFileSync(FILE, "utf8"))) as z.core.JSONSchema.JSONSchema, {
      defaultTarget: "draft-2020-12",
    }),
  );
  return schema;
}

/**
 * The schema in the words that zod knows. A part that other parts complete, and that has no more
 * keys than these, becomes one object with all keys. So a misspelt key is known as such. Keys of
 * extensions are not in the values that are checked.
 */
function closed(root: Dict): unknown {
  const definitions = isDict(root.$defs) ? root.$defs : {};
  const parts = (node: Dict): readonly Dict[] =>
    (Array.isArray(node.allOf) ? node.allOf : []).map(({ $ref }: { $ref: string }) => {
      const part = definitions[$ref.slice("#/$defs/".length)];
      return isDict(part) ? part : {};
    });
  const rewrite = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(rewrite);
    if (!isDict(node)) return node;
    const { unevaluatedProperties, allOf, patternProperties, ...rest } = node;
    const patterns = Object.fromEntries(
      Object.entries(isDict(patternProperties) ? patternProperties : {}).filter(([key]) => key !== "^x-"),
    );
    const kept = Object.keys(patterns).length === 0 ? rest : { ...rest, patternProperties: patterns };
    if (unevaluatedProperties !== false) return mapped({ ...kept, ...(allOf ? { allOf } : {}) }, rewrite);
    const properties = Object.assign({}, ...[...parts(node), node].map((part) => part.properties));
    return mapped({ ...kept, type: "object", properties, additionalProperties: false }, rewrite);
  };
  return rewrite(root);
}

function mapped(node: Dict, change: (value: unknown) => unknown): Dict {
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value)]));
}

function withoutExtensions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutExtensions);
  if (!isDict(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !key.startsWith("x-"));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutExtensions(item)]));
}
