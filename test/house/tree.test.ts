// The tree in CONTRIBUTING matches the folders.

import { expect, test } from "vitest";
import { sectionOf, TRACKED } from "./tracked.js";

interface Entry {
  readonly folder: string;
  /** The tree's text about the folder. */
  readonly text: string;
}

const [, block = ""] = /```\n(.*?)```/s.exec(sectionOf("CONTRIBUTING.md", "The house")) ?? [];
const entries: readonly Entry[] = block
  .split(/\n(?=\S)/)
  .map((entry) => /^(\S+)\/\s+(.*)$/s.exec(entry))
  .map((match) => ({ folder: match?.[1] ?? "", text: match?.[2] ?? "" }));

const exists = (place: string) => TRACKED.some((file) => file === place || file.startsWith(`${place}/`));

test("the tree has every folder at the top, and nothing else", () => {
  const folders = new Set(TRACKED.filter((file) => file.includes("/")).map((file) => file.split("/")[0]));
  expect(entries.map(({ folder }) => folder).sort()).toEqual([...folders].sort());
});

test.each(entries)("what the tree names in $folder/ exists", ({ folder, text }) => {
  const inside = [...text.matchAll(/(?<![\w/.@-])([\w.-]+)\/(?![\w])|(?<![\w/.@-])([\w-]+\.ts)\b/g)];
  for (const [, subfolder, file] of inside) {
    const place = `${folder}/${subfolder ?? file}`;
    expect(exists(place), place).toBe(true);
  }
  const elsewhere = [...text.matchAll(/(?<![\w/.@-])([\w.-]+\/[\w/.-]*\w)/g)].map(([, place]) => place ?? "");
  for (const place of elsewhere.filter((name) => !name.startsWith("meshwright/"))) {
    expect(exists(place), place).toBe(true);
  }
});

test("the tree names something in every folder that has folders of several purposes", () => {
  const named = entries.filter(({ text }) => /[\w-]+\/(?!\w)/.test(text)).map(({ folder }) => folder);
  expect(named).toEqual(expect.arrayContaining(["assembly", "toolchain", "envoy", "kit", "test"]));
});
