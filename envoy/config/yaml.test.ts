import { expect, test } from "vitest";
import { parse } from "yaml";
import { toYaml } from "./yaml.js";

test("strings that a reader of YAML 1.1 would take for another type are quoted", () => {
  for (const text of ["on", "yes", "y", "0x10", "1e3", "~", "null", "12:30:45"]) {
    expect(toYaml({ value: text })).toBe(`value: ${JSON.stringify(text)}\n`);
  }
});

test("numbers and booleans keep their type, in either version of YAML", () => {
  const value = { port: 8080, weight: 0.5, yes_please: true, no_thanks: false, none: null };
  expect(parse(toYaml(value), { version: "1.1" })).toEqual(value);
  expect(parse(toYaml(value))).toEqual(value);
});

test("a string of any content is on one line and is read back unchanged", () => {
  const value = { text: `a\nb\u0000\u2028"é😀\\ # : ${"long ".repeat(50)}` };
  expect(toYaml(value).trimEnd().split("\n")).toHaveLength(1);
  expect(parse(toYaml(value))).toEqual(value);
});

test("a value that is used in two places is written out twice, without an anchor", () => {
  const shared = { a: [1] };
  expect(toYaml({ one: shared, two: shared })).not.toMatch(/[&*]/);
});
