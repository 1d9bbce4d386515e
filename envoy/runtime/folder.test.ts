import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeFolder } from "./folder.js";

let base: string;
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), "folder-"));
});
afterAll(() => rm(base, { recursive: true }));

it("makes a folder and its parents, and accepts one that exists", async () => {
  const folder = path.join(base, "a", "b", "c");
  await makeFolder(folder);
  await makeFolder(folder);
  expect((await stat(folder)).isDirectory()).toBe(true);
});

it("can be made by many at once", async () => {
  for (let round = 0; round < 20; round++) {
    const folder = path.join(base, `round-${round}`, "b", "c", "d");
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder)));
    expect((await stat(folder)).isDirectory()).toBe(true);
  }
});

it("fails below a file, and when a file has its name", async () => {
  const file = path.join(base, "file");
  await writeFile(file, "");
  await expect(makeFolder(file)).rejects.toThrow(/EEXIST/);
  await expect(makeFolder(path.join(file, "x"))).rejects.toThrow(/ENOTDIR/);
});

it.skipIf(!existsSync("/proc/self"))("returns the error of a file system that refuses folders", async () => {
  await expect(makeFolder("/proc/meshwright/x")).rejects.toThrow(/ENOENT|EACCES|EPERM/);
});
