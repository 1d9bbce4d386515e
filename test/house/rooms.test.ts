// Every filter's room has what the recipe in CONTRIBUTING asks for.

import { describe, expect, test } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { sectionOf, TRACKED } from "./tracked.js";

const recipe = sectionOf("CONTRIBUTING.md", "Add a filter");

/** The file names with which the items of the recipe's first step begin. */
const FILES = [...recipe.matchAll(/^ {3}- `([^`]+)`:/gm)].map(([, file]) => file ?? "");

const ROOMS = [...FILTERS.map(({ name }) => name), "template"];

const inFolder = (folder: string) => TRACKED.filter((file) => file.startsWith(`${folder}/`));

test("the recipe names the files that make a filter", () => {
  expect(FILES).toEqual(
    expect.arrayContaining(["policy.ts", "config.ts", "limits.ts", "schema.ts", "index.ts", "README.md"]),
  );
});

test("every room in filters/ is a filter of the catalog, the template or shared code", () => {
  const rooms = TRACKED.map((file) => /^filters\/([^/]+)\//.exec(file)?.[1]).filter((room) => room);
  expect([...new Set(rooms)].sort()).toEqual([...ROOMS, "shared"].sort());
});

describe.each(ROOMS)("%s", (room) => {
  const files = inFolder(`filters/${room}`);

  test.each([...FILES, "conformance.test.ts"])("has %s", (file) => {
    expect(files).toContain(`filters/${room}/${file}`);
  });

  test("has units in AssemblyScript", () => {
    expect(files.filter((file) => file.endsWith(".spec.ts"))).not.toEqual([]);
  });

  test("is shown in stock Envoy", () => {
    const shown = [...inFolder(`test/integration/${room}`), `filters/${room}/envoy.test.ts`];
    expect(shown.filter((file) => file.endsWith(".test.ts") && TRACKED.includes(file))).not.toEqual([]);
  });
});
