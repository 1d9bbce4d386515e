import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { amount } from "../../test/support/amount.js";
import type { Request } from "./lock.fixture.js";
import { tryLock, waitForLock } from "./lock.js";

const FIXTURE = fileURLToPath(new URL("lock.fixture.ts", import.meta.url));

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "lock-"));
  file = path.join(folder, "a.lock");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(): ChildProcess {
  return fork(FIXTURE, { execArgv: ["--import", "tsx"] });
}

async function ask(child: ChildProcess, request: Request): Promise<unknown> {
  child.send(request);
  const [answer] = await once(child, "message");
  return answer;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

let children: readonly ChildProcess[];
beforeAll(() => {
  children = [start(), start(), start()];
});
afterAll(() => Promise.all(children.map(kill)));

it("belongs to one process at a time, and leaves no file behind", async () => {
  const lock = await tryLock(file);
  expect(await readFile(file, "utf8")).toBe(String(process.pid));
  expect(await tryLock(file)).toBeUndefined();
  lock?.[Symbol.dispose]();
  lock?.[Symbol.dispose]();
  expect(await readdir(folder)).toEqual([]);
  using again = await tryLock(file);
  expect(again).toBeDefined();
});

it.each([
  ["a process that has ended", () => String(spawnSync(process.execPath, ["-e", ""]).pid)],
  ["a process whose number another one has now", () => String(process.ppid)],
  ["nobody", () => ""],
])("is free when its file was left by %s", async (_who, content) => {
  await writeFile(file, content());
  using lock = await tryLock(file);
  expect(lock).toBeDefined();
  expect(await readFile(file, "utf8")).toBe(String(process.pid));
});

it("is free after its holder was killed", async () => {
  const holder = start();
  expect(await ask(holder, { kind: "take", file })).toBe(true);
  expect(await tryLock(file)).toBeUndefined();
  await kill(holder);
  expect(existsSync(file)).toBe(true);
  using lock = await tryLock(file);
  expect(lock).toBeDefined();
});

it("goes to one of the processes that race for a file that was left behind, many times", async () => {
  for (let round = 0; round < amount(300, 60); round++) {
    await writeFile(file, String(process.ppid));
    const taken = await Promise.all(children.map((child) => ask(child, { kind: "take", file })));
    expect(taken.filter(Boolean)).toHaveLength(1);
    await Promise.all(children.map((child) => ask(child, { kind: "release" })));
  }
});

it("never has two holders while it is given back and taken many times", async () => {
  const doubles = children.map((child) => ask(child, { kind: "hammer", file, times: amount(300, 60) }));
  expect(await Promise.all(doubles)).toEqual([0, 0, 0]);
  expect(await readdir(folder)).toEqual([]);
});

it("stays with a stopped holder, and a waiting process names it", async () => {
  const holder = start();
  await ask(holder, { kind: "take", file });
  holder.kill("SIGSTOP");
  const told: string[] = [];
  let isTaken = false;
  const waiting = waitForLock(file, { onWaiting: (line) => told.push(line), tellAfterMs: 50 }).then(
    (lock) => {
      isTaken = true;
      return lock;
    },
  );
  await expect.poll(() => told).toHaveLength(1);
  expect(told[0]).toBe(
    `waiting for the lock ${file}, held by pid ${holder.pid}: end that process if it hangs`,
  );
  expect(isTaken).toBe(false);
  holder.kill("SIGCONT");
  await ask(holder, { kind: "release" });
  using lock = await waiting;
  expect(lock.file).toBe(file);
  expect(told).toHaveLength(1);
  await kill(holder);
});

it("is waited for silently for five seconds", async () => {
  const held = await tryLock(file);
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const start = performance.now();
  const now = vi.spyOn(performance, "now").mockReturnValue(start);
  try {
    const waiting = waitForLock(file);
    now.mockReturnValue(start + 4_999);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).not.toHaveBeenCalled();
    now.mockReturnValue(start + 5_001);
    await expect.poll(() => written).toHaveBeenCalledTimes(1);
    held?.[Symbol.dispose]();
    (await waiting)[Symbol.dispose]();
  } finally {
    now.mockRestore();
    written.mockRestore();
  }
});

it("does not touch another process's file after its own was removed", async () => {
  const lock = await tryLock(file);
  await rm(file);
  using other = await tryLock(file);
  lock?.[Symbol.dispose]();
  expect(other).toBeDefined();
  expect(await readFile(file, "utf8")).toBe(String(process.pid));
});

it("names the file that cannot be made", async () => {
  await writeFile(file, "");
  const below = path.join(file, "b.lock");
  await expect(tryLock(below)).rejects.toMatchObject({
    code: "configuration",
    message: expect.stringContaining(`cannot make the lock file ${below} (EEXIST)`),
  });
});
