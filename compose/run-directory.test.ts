import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import { claimRunDirectory, type RunDirectory } from "./run-directory.js";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), "run-directory-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;

async function leftBehind(pid: string): Promise<string> {
  const folder = path.join(cwd, ".meshwright", "demo");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "pid"), pid);
  await writeFile(path.join(folder, "old.log"), "");
  return folder;
}

it("leaves nothing behind", async () => {
  const directory = await claimRunDirectory("demo", cwd);
  await writeFile(path.join(directory.path, "a.log"), "");
  await directory[Symbol.asyncDispose]();
  expect(await readdir(cwd)).toEqual([]);
});

it("may be disposed of twice, and after somebody removed the folder", async () => {
  const directory = await claimRunDirectory("demo", cwd);
  await directory[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
  const removed = await claimRunDirectory("demo", cwd);
  await rm(path.join(cwd, ".meshwright"), { recursive: true });
  await removed[Symbol.asyncDispose]();
  expect(await readdir(cwd)).toEqual([]);
});

it("leaves another mesh's folder alone", async () => {
  await using other = await claimRunDirectory("other", cwd);
  const directory = await claimRunDirectory("demo", cwd);
  await directory[Symbol.asyncDispose]();
  expect(existsSync(other.path)).toBe(true);
});

it("refuses a second run while the first lives, and names its process", async () => {
  await using _first = await claimRunDirectory("demo", cwd);
  const error = await claimRunDirectory("demo", cwd).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MeshwrightError);
  expect(error).toMatchObject({
    code: "already-running",
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  expect(await readdir(path.join(cwd, ".meshwright"))).toEqual(["demo"]);
});

it("lets one of two simultaneous starts through", async () => {
  const results = await Promise.allSettled([claimRunDirectory("demo", cwd), claimRunDirectory("demo", cwd)]);
  expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
});

async function claimWhenFree(): Promise<RunDirectory> {
  for (;;) {
    const directory = await claimRunDirectory("demo", cwd).catch((error: MeshwrightError) => error);
    if (!(directory instanceof MeshwrightError)) return directory;
    expect(directory.code).toBe("already-running");
    await delay(1);
  }
}

it("passes from one run to the next while each removes the folder", async () => {
  const runs = Array.from({ length: 30 }, async (_, i) => {
    const directory = await claimWhenFree();
    await writeFile(path.join(directory.path, `${i}.log`), "");
    expect((await readdir(directory.path)).sort()).toEqual([`${i}.log`, "pid"]);
    await directory[Symbol.asyncDispose]();
  });
  await Promise.all(runs);
  expect(await readdir(cwd)).toEqual([]);
});

it.each([
  ["a killed run", () => String(deadPid())],
  ["a killed run, whose number another process has now,", () => String(process.ppid)],
  ["a run that ended before it wrote its number", () => ""],
])("clears away what %s left", async (_what, pid) => {
  const folder = await leftBehind(pid());
  await using directory = await claimRunDirectory("demo", cwd);
  expect(directory.path).toBe(folder);
  expect(existsSync(path.join(folder, "old.log"))).toBe(false);
});

it("clears away what a process of a killed run still writes", async () => {
  const folder = await leftBehind(String(deadPid()));
  const logs = path.join(folder, "envoys");
  let written = 0;
  const writing = setInterval(() => {
    mkdirSync(logs, { recursive: true });
    for (const end = performance.now() + 3; performance.now() < end; written++) {
      writeFileSync(path.join(logs, `${written}.log`), "");
    }
  }, 0);
  const ended = delay(300).then(() => clearInterval(writing));
  await using directory = await claimRunDirectory("demo", cwd);
  await ended;
  expect(written).toBeGreaterThan(0);
  expect(directory.path).toBe(folder);
});

it("keeps the folder on request, until the next run", async () => {
  const directory = await claimRunDirectory("demo", cwd);
  await writeFile(path.join(directory.path, "a.log"), "");
  await directory.keep();
  await directory[Symbol.asyncDispose]();
  expect(await readdir(directory.path)).toEqual(["a.log"]);
  await using _next = await claimRunDirectory("demo", cwd);
});

it("says what to do where the folder cannot be made", async () => {
  await writeFile(path.join(cwd, ".meshwright"), "");
  await expect(claimRunDirectory("demo", cwd)).rejects.toThrow(
    /cannot make the folder .* start from a folder/,
  );
});
