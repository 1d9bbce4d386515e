// `meshwright up` as people run it: Ctrl-C at every moment.

import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { portState } from "../../../envoy/runtime/ports.js";
import { CliProcess, processesNaming } from "../commands/cli-process.js";
import { copyDemo, type DemoCopy, ownMesh } from "./demo-copy.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;

let demo: DemoCopy;
let folder: string;
let file: string;

beforeAll(async () => {
  demo = await copyDemo();
  ({ folder, file } = demo);
});
afterAll(() => demo?.[Symbol.asyncDispose]());

describe("meshwright up", { timeout: TEST_MS }, () => {
  const up = () =>
    new CliProcess(["up", file, "--engine", "process", "--port", "0", "--traffic", "20"], folder);
  const left = () => processesNaming(folder).filter((line) => !line.includes("vitest"));

  it("ends on Ctrl-C and leaves no process, no port and no file but its authority", async () => {
    await using command = up();
    await command.until(/The mesh "demo" runs/);
    await command.until(/orders +v1 +[1-9]/);
    const ports = [...command.stdout.matchAll(/http:\/\/127\.0\.0\.1:(\d+)$/gm)].map((match) =>
      Number(match[1]),
    );
    expect(ports.length).toBe(8);
    command.kill("SIGINT");
    expect(await command.exited).toBe(0);
    expect(command.stderr).toBe("");
    expect(command.stdout).toMatch(/Stopping … \(again to kill at once\)\nStopped\.\n$/);
    expect(left()).toEqual([]);
    expect(new Set(await Promise.all(ports.map(portState)))).toEqual(new Set(["free"]));
    expect(await readdir(path.join(folder, ".meshwright", "demo"))).toEqual(["identity"]);
  });

  it("ends on Ctrl-C while it starts", async () => {
    await using command = up();
    await command.until(/ready after/);
    command.kill("SIGTERM");
    expect(await command.exited).toBe(130);
    expect(left()).toEqual([]);
    expect(await readdir(path.join(folder, ".meshwright", "demo"))).toEqual(["identity"]);
  });

  it("ends at once on the second Ctrl-C", async () => {
    const stubborn = path.join(folder, "stubborn.yaml");
    const script = `process.on("SIGTERM", () => {}); require("node:http").createServer().listen(process.env.PORT, "127.0.0.1")`;
    await writeFile(stubborn, ownMesh([process.execPath, "-e", script]));
    await using command = new CliProcess(["up", stubborn, "--engine", "process", "--port", "0"], folder);
    await command.until(/The mesh "own" runs/);
    command.kill("SIGINT");
    await command.until(/Stopping/);
    // npm repeats a terminal's Ctrl-C at once, which must not count as the second one.
    command.kill("SIGINT");
    await delay(1_000);
    expect(command.running).toBe(true);
    command.kill("SIGINT");
    expect(await command.exited).toBe(130);
    await expect.poll(() => left()).toEqual([]);
  });
});
