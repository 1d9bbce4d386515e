import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import { claimRunDirectory } from "./run-directory.js";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), "run-directory-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;

/** What a run leaves whose process could not clear up: its folder, and its lock's file. */
async function leftBehind(pid: string): Promise<string> {
  const folder = path.join(cwd, ".meshwright", "demo");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(cwd, ".meshwright", ".demo.lock"), pid);
  await writeFile(path.join(folder, "old.log"), "");
  return folder;
}

it("leaves nothing behind", async () => {
  const directory = await claimRunDirectory("demo", cwd);
  await writeFile(path.join(directory.path, "a.log"), "");
  await directory[Symbol.asyncDispose]();
  expect(await readdir(cwd)).toEqual([]);
});

it("leaves another mesh's folder alone", async () => {
  await using other = await claimRunDirectory("other", cwd);
  const directory = await claimRunDirectory("demo", cwd);
  await directory[Symbol.asyncDispose]();
  expect(existsSync(other.path)).toBe(true);
});

it("refuses a second run while the first lives, and says whose it is", async () => {
  await using _first = await claimRunDirectory("demo", cwd);
  const error = await claimRunDirectory("demo", cwd).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MeshwrightError);
  expect(error).toMatchObject({
    code: "already-running",
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  expect(await readdir(path.join(cwd, ".meshwright"))).toEqual([".demo.lock", "demo"]);
});

it("lets one of two that start together through", async () => {
  const results = await Promise.allSettled([claimRunDirectory("demo", cwd), claimRunDirectory("demo", cwd)]);
  expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
});

it.each([
  ["a killed run", () => String(deadPid())],
  ["a killed run, whose number another process has now,", () => String(process.ppid)],
  ["a run that did not come to write its number", () => ""],
])("clears away what %s left", async (_what, pid) => {
  const folder = await leftBehind(pid());
  await using directory = await claimRunDirectory("demo", cwd);
  expect(directory.path).toBe(folder);
  expect(existsSync(path.join(folder, "old.log"))).toBe(false);
});

it("keeps the folder when told to, until the next run", async () => {
  const directory = await claimRunDirectory("demo", cwd);
  await writeFile(path.join(directory.path, "a.log"), "");
  await directory.keep();
  await directory[Symbol.asyncDispose]();
  expect(await readdir(directory.path)).toEqual(["a.log"]);
  await using _next = await claimRunDirectory("demo", cwd);
});

it("says what to do where no folder can be made", async () => {
  await writeFile(path.join(cwd, ".meshwright"), "");
  await expect(claimRunDirectory("demo", cwd)).rejects.toThrow(
    /cannot make the folder .* start from a folder/,
  );
});
