import { expect, test } from "vitest";
import { structText } from "./struct-text.js";

test("a Struct's keys come in order, and an empty one is no text at all", () => {
  expect(structText({ b: 1, a: { d: [{ f: 1, e: 2 }], c: null } })).toBe(
    '{"a":{"c":null,"d":[{"e":2,"f":1}]},"b":1}',
  );
  expect(structText({})).toBe("");
});
