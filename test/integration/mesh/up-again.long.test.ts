// `meshwright up` as people run it: what a killed run leaves for the next.

import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliProcess, processesNaming } from "../commands/cli-process.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

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

describe("meshwright up after a kill", { timeout: TEST_MS }, () => {
  const up = () =>
    new CliProcess(["up", file, "--engine", "process", "--port", "0", "--traffic", "20"], folder);
  const left = () => processesNaming(folder).filter((line) => !line.includes("vitest"));

  it("starts again after it was killed, and removes what was left", async () => {
    {
      await using killed = up();
      await killed.until(/The mesh "demo" runs/);
    }
    expect(await readdir(path.join(folder, ".meshwright", "demo"))).toContain("pid");
    await using again = up();
    await again.until(/The mesh "demo" runs/);
    again.kill("SIGHUP");
    expect(await again.exited).toBe(0);
  });

  it("starts once where three are started at once over what a killed run left", async () => {
    {
      await using killed = up();
      await killed.until(/The mesh "demo" runs/);
    }
    // The killed run's children end a moment later, and write until then.
    await using one = up();
    await using two = up();
    await using three = up();
    const commands = [one, two, three];
    const isOver = Promise.all(commands.map(({ exited }) => exited));
    const started = await Promise.any(
      commands.map((each) => each.until(/The mesh "demo" runs/).then(() => each)),
    );
    const others = commands.filter((each) => each !== started);
    const refused = {
      code: 8,
      stderr: expect.stringMatching(/^meshwright: "demo" is already running in this folder/),
    };
    for (const { exited, stderr } of others) expect({ code: await exited, stderr }).toEqual(refused);
    started.kill("SIGINT");
    await isOver;
    expect(started.stderr).toBe("");
    expect(left()).toEqual([]);
    expect(await readdir(path.join(folder, ".meshwright", "demo"))).toEqual(["identity"]);
  });
});
