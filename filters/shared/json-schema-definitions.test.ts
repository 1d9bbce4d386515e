import { expect, test } from "vitest";
import { meshJsonSchema } from "../../compose/mesh/schema.js";
import { FILTERS } from "../catalog.js";
import { withDefinitions } from "./json-schema-definitions.js";

const LONG = { type: "string", pattern: "a".repeat(100) };

test("what stands twice is a definition with the name of its first place, and keeps each description", () => {
  const schema = {
    type: "object",
    properties: {
      from: { ...LONG, description: "Where it begins." },
      to: { ...LONG, description: "Where it ends." },
      others: { type: "array", items: LONG },
      flag: { type: "boolean" },
    },
  };
  expect(withDefinitions(schema)).toEqual({
    type: "object",
    properties: {
      from: { $ref: "#/$defs/from", description: "Where it begins." },
      to: { $ref: "#/$defs/from", description: "Where it ends." },
      others: { type: "array", items: { $ref: "#/$defs/from" } },
      flag: { type: "boolean" },
    },
    $defs: { from: LONG },
  });
});

test("what stands once, what is short, and what has no type stays where it is", () => {
  const untyped = { required: ["a".repeat(100)] };
  const schema = {
    type: "object",
    properties: { a: LONG, b: { type: "number" }, c: { type: "number" } },
    allOf: [untyped, { not: untyped }],
  };
  expect(withDefinitions(schema)).toEqual(schema);
});

test("values that look like schemas are none", () => {
  const value = { type: "string", pattern: "b".repeat(100) };
  const schema = { type: "object", enum: [value], const: value, default: value };
  expect(withDefinitions(schema)).toEqual(schema);
});

test("definitions that are there keep their names, and new ones get others", () => {
  const recursive = { type: "object", properties: { inner: { $ref: "#/$defs/a" }, x: LONG } };
  const schema = {
    type: "object",
    properties: { a: LONG, b: { $ref: "#/$defs/a" } },
    $defs: { a: recursive },
  };
  expect(withDefinitions(schema)).toEqual({
    type: "object",
    properties: { a: { $ref: "#/$defs/a2" }, b: { $ref: "#/$defs/a" } },
    $defs: {
      a: { ...recursive, properties: { inner: { $ref: "#/$defs/a" }, x: { $ref: "#/$defs/a2" } } },
      a2: LONG,
    },
  });
});

test("a definition inside another one counts once", () => {
  const outer = { type: "object", properties: { x: LONG, y: { type: "string", maxLength: 5 } } };
  const { $defs } = withDefinitions({ type: "object", properties: { a: outer, b: outer } });
  expect($defs).toEqual({ a: outer });
});

test("the schema of a mesh file is small enough for an editor", () => {
  expect(JSON.stringify(meshJsonSchema(FILTERS)).length).toBeLessThan(200_000);
});
