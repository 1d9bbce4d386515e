import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeAtomically } from "./atomic-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "atomic-file-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("replaces a file with one that everybody may read, and leaves nothing beside it", async () => {
  const file = path.join(folder, "a.json");
  await writeFile(file, "old");
  await chmod(file, 0o600);
  await writeAtomically(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
  expect((await stat(file)).mode & 0o777).toBe(0o644);
  expect(await readdir(folder)).toEqual(["a.json"]);
});

it("says which file cannot be written, and leaves nothing beside it", async () => {
  await writeFile(path.join(folder, "file"), "");
  const below = path.join(folder, "file", "a.json");
  await expect(writeAtomically(below, "new")).rejects.toMatchObject({
    code: "write-failed",
    message: expect.stringContaining(`cannot write ${below} (EEXIST)`),
  });
  await expect(writeAtomically(folder, "new")).rejects.toMatchObject({ code: "write-failed" });
  expect(await readdir(folder)).toEqual(["file"]);
});

it("makes the folder that somebody has removed", async () => {
  const file = path.join(folder, "gone", "deep", "a.json");
  await writeAtomically(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
});
