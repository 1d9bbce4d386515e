import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startChild } from "./child.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "meshwright-child-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const sh = (script: string, logFile?: string) =>
  startChild({ name: "sh", command: "/bin/sh", args: ["-c", script], ...(logFile ? { logFile } : {}) });

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that has ended keeps its number until the system's first process collects it. In a
  // container that may never happen.
  const state = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
  return !state.startsWith("Z");
}

describe("startChild", () => {
  it("keeps both outputs as lines, in memory and in the file", async () => {
    const logFile = join(root, "log");
    await using child = sh("printf 'one\\ntw'; sleep 0.1; echo o; echo three >&2; printf end", logFile);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.logs().split("\n").sort()).toEqual(["end", "one", "three", "two"]);
    expect((await readFile(logFile, "utf8")).trimEnd()).toBe(child.logs());
  });

  it("keeps the last lines of much output", async () => {
    await using child = sh("i=0; while [ $i -lt 12000 ]; do echo line $i; i=$((i+1)); done");
    await child.exited;
    const lines = child.logs().split("\n");
    expect(lines).toHaveLength(5_000);
    expect(lines.at(-1)).toBe("line 11999");
  });

  it("reports how the process ended", async () => {
    await using failed = sh("exit 7");
    expect(await failed.exited).toEqual({ code: 7, signal: null });
    await using killed = sh("kill -9 $$");
    expect(await killed.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("stops the process and what it started, and may be called twice", async () => {
    const child = sh("sleep 60 & echo $!; wait");
    await expect.poll(() => child.logs()).toMatch(/^\d+$/);
    const grandchild = Number(child.logs());
    await Promise.all([child.stop(), child.stop()]);
    await child.stop();
    expect(alive(child.pid)).toBe(false);
    await expect.poll(() => alive(grandchild)).toBe(false);
  });

  it("kills a process that ignores SIGTERM", async () => {
    await using child = sh("trap '' TERM; echo up; while :; do sleep 0.1; done");
    await expect.poll(() => child.logs()).toBe("up");
    await child.stop();
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("says so when the folder to run in is missing", () => {
    const start = () =>
      startChild({ name: "shop", command: "/bin/sh", args: [], cwd: join(root, "missing") });
    expect(start).toThrow(/^shop: cannot start "\/bin\/sh"/);
  });

  it.each([
    ["throws", "throw new Error('crash')"],
    ["exits", "process.exit(3)"],
    ["is killed", "process.kill(process.pid, 'SIGKILL')"],
  ])("leaves no child when this process %s", async (_case, end) => {
    const program = join(root, "parent.mts");
    const source = fileURLToPath(new URL("child.ts", import.meta.url));
    await writeFile(
      program,
      `import { startChild } from ${JSON.stringify(source)};
const child = startChild({ name: "sleeper", command: "/bin/sh", args: ["-c", "sleep 60 & echo $!; wait"] });
const timer = setInterval(() => {
  if (child.logs() === "") return;
  clearInterval(timer);
  process.stdout.write(child.pid + "\\n" + child.logs() + "\\n", () => setTimeout(() => { ${end} }, 100));
}, 20);`,
    );
    await using parent = startChild({
      name: "parent",
      command: process.execPath,
      args: ["--import", import.meta.resolve("tsx"), program],
    });
    await parent.exited;
    const [shell = 0, sleeper = 0] = parent.logs().split("\n").map(Number);
    expect(shell).toBeGreaterThan(1);
    await expect.poll(() => alive(shell)).toBe(false);
    // What a command that is a text has started is its shell's child.
    expect(sleeper).toBeGreaterThan(1);
    await expect.poll(() => alive(sleeper)).toBe(false);
  });
});
