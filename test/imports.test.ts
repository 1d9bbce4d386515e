// What may import what, in the rooms of TypeScript.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { FILTERS } from "../filters/catalog.js";

interface Source {
  /** Its path below this package. */
  readonly file: string;
  readonly text: string;
  /** The files of this package that it imports, types too. */
  readonly imports: readonly string[];
}

async function sourcesOf(...rooms: readonly string[]): Promise<readonly Source[]> {
  const lists = await Promise.all(
    rooms.map(async (room) => {
      const names = await readdir(path.join(PACKAGE_ROOT, room), { recursive: true });
      return names.map((name) => path.join(room, name));
    }),
  );
  const files = lists.flat().filter((file) => file.endsWith(".ts"));
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(PACKAGE_ROOT, file), "utf8");
      const found = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?"(\.[^"]+)\.js"/g)];
      const imports = found.map(([, name = ""]) => `${path.join(path.dirname(file), name)}.ts`);
      return { file, text, imports };
    }),
  );
}

/** The files of each circle, from the first that comes to itself again. */
function circles(sources: readonly Source[]): readonly string[] {
  const importsOf = new Map(sources.map(({ file, imports }) => [file, imports]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      found.push([...way.slice(way.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const imported of importsOf.get(file) ?? []) visit(imported, [...way, file]);
    done.add(file);
  };
  for (const { file } of sources) visit(file, []);
  return found;
}

test("a circle is found, however long", () => {
  const source = (file: string, ...imports: string[]): Source => ({ file, text: "", imports });
  expect(circles([source("a", "b"), source("b", "c", "d"), source("c"), source("d", "b")])).toEqual([
    "b → d → b",
  ]);
  expect(circles([source("a", "b", "c"), source("b", "c"), source("c")])).toEqual([]);
});

test("no two files import each other, nor any more of them in a circle", async () => {
  const sources = await sourcesOf("cli", "compose", "envoy", "filters", "toolchain");
  expect(sources.filter(({ imports }) => imports.length > 0).length).toBeGreaterThan(100);
  expect(circles(sources)).toEqual([]);
});

describe("compose/ knows no filter", () => {
  const NAMES = FILTERS.map(({ name }) => name);
  const composed = sourcesOf("compose").then((all) => all.filter(({ file }) => !file.endsWith(".test.ts")));

  test.each(NAMES)("by the name %s", async (name) => {
    const sources = await composed;
    expect(sources.length).toBeGreaterThan(30);
    // A name of one word is a word of English too, so it counts where it is quoted or in a path.
    const asName = name.includes("-") ? new RegExp(name) : new RegExp(`["'\`/]${name}["'\`/]`);
    expect(sources.filter(({ text }) => asName.test(text)).map(({ file }) => file)).toEqual([]);
  });

  test("by its room: what it asks stands in the descriptors of the catalog", async () => {
    const rooms = (await composed).flatMap(({ file, imports }) =>
      imports.filter((each) => /^filters\/(?!shared\/)[^/]+\//.test(each)).map((each) => `${file}: ${each}`),
    );
    expect(rooms).toEqual([]);
  });
});
