// What makes no release, before anything is built. `release.long.test.ts` makes one.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUNDLES } from "../filters/bundles.js";
import { findFilter } from "../filters/catalog.js";
import { makeRelease } from "./release.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "release-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a folder that exists is left as it is", async () => {
  const outDir = path.join(folder, "old");
  await mkdir(outDir);
  await writeFile(path.join(outDir, "SHA256SUMS"), "published");
  await expect(makeRelease({ allowDirty: true, outDir })).rejects.toMatchObject({
    code: "configuration",
    message: `${outDir} exists already: remove it, or choose another folder with --out-dir`,
  });
  expect(await readdir(outDir)).toEqual(["SHA256SUMS"]);
});

test("a folder that cannot be made is named, and nothing is left", async () => {
  await writeFile(path.join(folder, "file"), "");
  const outDir = path.join(folder, "file", "new");
  await expect(makeRelease({ allowDirty: true, outDir })).rejects.toMatchObject({
    code: "write-failed",
    message: expect.stringMatching(/^cannot write the release to .*\/file\/new \(ENOTDIR|EEXIST/),
  });
  expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a tag of another version is refused", async () => {
  await expect(makeRelease({ allowDirty: true, tag: "v999.0.0" })).rejects.toThrow(
    "the tag v999.0.0 does not name version",
  );
});

test("a recommended bundle has filters of one chain", () => {
  for (const { filters } of BUNDLES) {
    expect(filters.length).toBeGreaterThan(1);
    for (const name of filters)
      expect(findFilter(name).chain?.({ rules: [] }) ?? "downstream").toBe("downstream");
  }
});
