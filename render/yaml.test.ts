// Resources as YAML: what kubectl reads is what was meant, and comments cannot end early.

import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import type { Resource } from "./resource.js";
import { resourceText, toManifest } from "./yaml.js";

const resource = (more: Partial<Resource> = {}): Resource => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "shop" },
  body: { data: { key: "value" } },
  comment: ["What it is."],
  ...more,
});

describe("strings stay strings for a reader of YAML 1.1, as kubectl is", () => {
  const words = [
    "on",
    "yes",
    "n",
    "0x10",
    "1_000",
    "12:30:45",
    "1e3",
    "0o17",
    "017",
    "~",
    "null",
    ".5",
    "=",
    "<<",
  ];
  test.each([
    ...words,
    "2001-01-01",
    "true",
    "",
    " padded ",
    "a: b",
    "- a",
    "# no",
    "a #b",
    "é\u0085",
    "x\ty",
  ])("%j", (word) => {
    const text = resourceText(resource({ body: { data: { [word]: word } } }));
    for (const version of ["1.1", "1.2"] as const) {
      expect(parse(text, { version, merge: false }).data).toEqual({ [word]: word });
    }
  });
});

test("a text of several lines stays as it is", () => {
  const value = '{\n  "a": 1\n}\n\n# not a comment\n--- \n';
  expect(parse(resourceText(resource({ body: { data: { value } } }))).data.value).toBe(value);
});

test("the same object twice is written out twice, since an anchor is one more thing to look up", () => {
  const same = { a: [1] };
  expect(resourceText(resource({ body: { data: { x: same, y: same } } }))).not.toMatch(/[&*]/);
});

test("documents are separated, and each has its comment directly above", () => {
  const text = toManifest([resource(), resource({ metadata: { name: "b" } })]);
  expect(parseAllDocuments(text).map((each) => each.toJS().metadata.name)).toEqual(["a", "b"]);
  expect(text).toMatch(/^---\n# What it is\.\napiVersion: v1\n/);
});

test("a line break in a comment does not become YAML", () => {
  const text = resourceText(resource({ comment: ["one\nkind: Secret", "  kept   as it is"] }));
  expect(parse(text).kind).toBe("ConfigMap");
  expect(text).toMatch(/^# one kind: Secret\n# {3}kept {3}as it is\n/);
});

test("long comments are folded within 100 columns", () => {
  const text = resourceText(resource({ comment: ["word ".repeat(60).trim()] }));
  const lines = text.split("\n").filter((line) => line.startsWith("#"));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(lines.join("").match(/word/g)).toHaveLength(60);
});

test("a note stands above its key, at its depth", () => {
  const notes = [
    { path: ["data", "list", 1], text: "second" },
    { path: ["data", "key"], text: "why\nnot" },
  ];
  const text = resourceText(resource({ body: { data: { key: "v", list: ["a", "b"] } }, notes }));
  expect(text).toContain("data:\n  # why not\n  key: v\n  list:\n    - a\n    # second\n    - b\n");
});

test("a note about nothing is a mistake of ours", () => {
  expect(() => resourceText(resource({ notes: [{ path: ["spec", "x"], text: "?" }] }))).toThrow("spec.x");
});
