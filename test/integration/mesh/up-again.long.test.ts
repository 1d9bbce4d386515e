// `meshwright up` as people run it: what a killed run leaves for the next.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DemoRuns, UP_TEST_MS } from "./demo-runs.js";

let demo: DemoRuns;

beforeAll(async () => {
  demo = await DemoRuns.prepare();
});
afterAll(() => demo?.[Symbol.asyncDispose]());

describe("meshwright up after a kill", { timeout: UP_TEST_MS }, () => {
  it("starts again after it was killed, and removes what was left", async () => {
    {
      await using killed = demo.up();
      await killed.until(/The mesh "demo" runs/);
    }
    expect(await demo.files()).toContain("pid");
    await using again = demo.up();
    await again.until(/The mesh "demo" runs/);
    again.kill("SIGHUP");
    expect(await again.exited).toBe(0);
  });

  it("starts once where three are started at once over what a killed run left", async () => {
    {
      await using killed = demo.up();
      await killed.until(/The mesh "demo" runs/);
    }
    // The killed run's children end a moment later, and write until then.
    await using one = demo.up();
    await using two = demo.up();
    await using three = demo.up();
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
    expect(demo.left()).toEqual([]);
    expect(await demo.files()).toEqual(["identity"]);
  });
});
