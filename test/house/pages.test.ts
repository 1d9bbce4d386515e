// The pages: how long the first one is, and whether every link leads somewhere.

import path from "node:path";
import { describe, expect, test } from "vitest";
import { TRACKED, textOf } from "./tracked.js";

const PAGES = TRACKED.filter((file) => file.endsWith(".md"));
const MAX_README_LINES = 120;

interface Link {
  /** Relative to the page; empty for the page itself. */
  readonly file: string;
  /** Without the number sign; empty for the whole page. */
  readonly heading: string;
}

const withoutCode = (page: string) => page.replaceAll(/^```.*?^```$/gms, "");

/** The links of a page to files of the repository. */
function linksOf(page: string): readonly Link[] {
  return [...withoutCode(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(
    ([, file = "", heading = ""]) => ({ file, heading }),
  );
}

/** The anchors that GitHub gives to a page's headings. */
function headingsOf(page: string): ReadonlySet<string> {
  const lines = [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  const names = lines.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(names);
}

test("README.md is short enough to read in one go", () => {
  expect(textOf("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_README_LINES);
});

test("links and headings are found", () => {
  const page = "# A `b`: c, d\n[x](y.md#z) [u](https://v) [w](#a-b-c-d)\n```\n# not\n[n](o)\n```\n";
  expect(linksOf(page)).toEqual([
    { file: "y.md", heading: "z" },
    { file: "", heading: "a-b-c-d" },
  ]);
  expect([...headingsOf(page)]).toEqual(["a-b-c-d"]);
});

describe.each(PAGES)("%s", (page) => {
  test("has no link that leads nowhere", () => {
    const broken = linksOf(textOf(page)).flatMap(({ file, heading }) => {
      const target = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
      const folder = `${target.replace(/\/$/, "")}/`;
      if (!TRACKED.some((tracked) => tracked === target || tracked.startsWith(folder))) return [target];
      return heading === "" || headingsOf(textOf(target)).has(heading) ? [] : [`${target}#${heading}`];
    });
    expect(broken).toEqual([]);
  });
});
