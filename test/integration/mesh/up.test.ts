// `meshwright up` as people run it: Ctrl-C at every moment.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { portState } from "../../../envoy/runtime/ports.js";
import { CliProcess } from "../commands/cli-process.js";
import { ownMesh } from "./demo-copy.js";
import { DemoRuns, UP_TEST_MS } from "./demo-runs.js";

let demo: DemoRuns;

beforeAll(async () => {
  demo = await DemoRuns.prepare();
});
afterAll(() => demo?.[Symbol.asyncDispose]());

describe("meshwright up", { timeout: UP_TEST_MS }, () => {
  it("ends on Ctrl-C and leaves no process, no port and no file but its authority", async () => {
    await using command = demo.up();
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
    expect(demo.left()).toEqual([]);
    expect(new Set(await Promise.all(ports.map(portState)))).toEqual(new Set(["free"]));
    expect(await demo.files()).toEqual(["identity"]);
  });

  it("ends on Ctrl-C while it starts", async () => {
    await using command = demo.up();
    await command.until(/ready after/);
    command.kill("SIGTERM");
    expect(await command.exited).toBe(130);
    expect(demo.left()).toEqual([]);
    expect(await demo.files()).toEqual(["identity"]);
  });

  it("ends at once on the second Ctrl-C", async () => {
    const stubborn = path.join(demo.folder, "stubborn.yaml");
    const script = `process.on("SIGTERM", () => {}); require("node:http").createServer().listen(process.env.PORT, "127.0.0.1")`;
    await writeFile(stubborn, ownMesh([process.execPath, "-e", script]));
    await using command = new CliProcess(["up", stubborn, "--engine", "process", "--port", "0"], demo.folder);
    await command.until(/The mesh "own" runs/);
    command.kill("SIGINT");
    await command.until(/Stopping/);
    // npm repeats a terminal's Ctrl-C at once, which must not count as the second one.
    command.kill("SIGINT");
    await delay(1_000);
    expect(command.running).toBe(true);
    command.kill("SIGINT");
    expect(await command.exited).toBe(130);
    await expect.poll(() => demo.left()).toEqual([]);
  });
});
