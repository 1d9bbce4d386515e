// A configuration's limit or word that both languages know is written once, in a `limits.ts`.

import { describe, expect, test } from "vitest";
import { TRACKED, textOf } from "./tracked.js";

const LIMITS = TRACKED.filter((file) => /^(assembly|filters)\/.*\blimits\.ts$/.test(file));
const SCHEMAS = TRACKED.filter((file) => /^filters\/.*\bschema\.ts$/.test(file));
const ASSEMBLY = TRACKED.filter(
  (file) =>
    /^(assembly|filters)\/.*\.ts$/.test(file) &&
    !/(schema|limits|catalog|\.(spec|test|fixture))\.ts$/.test(file),
);

/** The code without its comments, and with `""` for each text and pattern. */
function bareCode(source: string): string {
  return source
    .replaceAll(/\/\*.*?\*\//gs, "")
    .replaceAll(/^\s*\/\/.*$/gm, "")
    .replaceAll(/(["'`])(?:\\.|(?!\1).)*?\1/gs, '""')
    .replaceAll(/(?<=[(,=]\s*)\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+\/[a-z]*/g, '""')
    .replaceAll(/\/\/.*$/gm, "");
}

/** The numbers in code, except 0 and 1. */
function numbersIn(source: string): readonly string[] {
  const numbers = [...bareCode(source).matchAll(/(?<![\w.])\d[\d_]*(?:\.\d+)?n?\b/g)].map(([each]) => each);
  return numbers.filter((each) => !/^[01]n?$/.test(each));
}

/** The limits and defaults that texts of a schema state in figures. */
function statedIn(source: string): readonly string[] {
  return [...source.matchAll(/\b(?:Default:?|at most|at least|from|to) \d[\d.,_]*\d*/g)]
    .map(([each]) => each)
    .filter((each) => !/ [01]$/.test(each));
}

const namesOf = (limits: string) =>
  [...textOf(limits).matchAll(/^export const (\w+)/gm)].map(([, name]) => name ?? "");

/** The names that a file imports from a `limits` file of that folder. */
function importedFrom(file: string, folder: string): readonly string[] {
  const imports = textOf(file).matchAll(/import \{([^}]*)\} from "([^"]*)\/limits(?:\.js)?"/g);
  const own = file.slice(0, file.lastIndexOf("/"));
  return [...imports].flatMap(([, names = "", from = ""]) =>
    resolved(own, from) === folder ? names.split(",").map((name) => name.trim()) : [],
  );
}

const resolved = (folder: string, from: string) =>
  new URL(`${from}/`, `file:///${folder}/`).pathname.slice(1, -1);

test("numbers are found, and digits elsewhere are not", () => {
  const code = [
    "// Takes 5.",
    "x.max(32); // 7",
    "const a = /{1,64}/;",
    'f("8", 1, 2.5, 1_000, v2, `9`); /* 10 */',
  ];
  expect(numbersIn(code.join("\n"))).toEqual(["32", "2.5", "1_000"]);
  expect(statedIn('"Default 20." `must be from 0 to 100` "such as 1.5s"')).toEqual(["Default 20.", "to 100"]);
});

describe.each(SCHEMAS)("%s", (schema) => {
  test("has no limit of its own", () => {
    expect(numbersIn(textOf(schema))).toEqual([]);
  });

  test("states no limit or default in figures", () => {
    expect(statedIn(textOf(schema))).toEqual([]);
  });
});

describe.each(LIMITS)("%s", (limits) => {
  const folder = limits.slice(0, limits.lastIndexOf("/"));
  const usedBy = (files: readonly string[]) => new Set(files.flatMap((file) => importedFrom(file, folder)));

  test("imports nothing, since each language names files in its own way", () => {
    expect(textOf(limits)).not.toMatch(/^import|^export \*|from "/m);
  });

  test("has no name that only one of the languages uses", () => {
    const [typescript, assemblyscript] = [usedBy(SCHEMAS), usedBy(ASSEMBLY)];
    const names = namesOf(limits);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !typescript.has(name))).toEqual([]);
    expect(names.filter((name) => !assemblyscript.has(name))).toEqual([]);
  });
});
