// `meshwright test --watch` in an author's package: what it does after a save, and how it ends.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { policy } from "./author-package.js";
import { processesNaming } from "./cli-process.js";
import { WatchedAdder } from "./watched-adder.js";

/** A release build, as-pect and vitest, on a machine that is busy with other tests. */
const TEST_MS = 120_000;

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1);

describe("meshwright test --watch", { timeout: TEST_MS }, () => {
  let watched: WatchedAdder;
  beforeAll(async () => {
    watched = await WatchedAdder.start();
  }, TEST_MS);
  afterAll(() => watched?.[Symbol.asyncDispose]());

  it("tests everything at the start", async () => {
    expect(watched.command.stdout).toMatch(/^tests: 1 passed, 0 failed$/m);
    expect(await watched.moduleFolders()).toHaveLength(1);
  });

  it("tests what is saved, says how long that took, and does not change the module in build/", async () => {
    const until = watched.afterNow();
    const module = () => readFile(path.join(watched.author.root, "build/adder.wasm")).catch(() => "none");
    const before = await module();
    await writeFile(watched.at("policy.ts"), policy("2"));
    await until(/^tests: 0 passed, 1 failed, [\d.]+ s after the save$/);
    await until(/^units: 1 passed, 0 failed$/);
    expect(await module()).toEqual(before);
  });

  it("reports what does not compile, and continues when it is mended", async () => {
    const broken = watched.afterNow();
    await writeFile(watched.at("policy.ts"), "export function valueToAdd(): string { return nothing; }\n");
    await broken(/Cannot find name 'nothing'[\s\S]*in filters\/adder\/policy\.ts\(1,/);
    await broken(/^adder is tested again after the next save$/);
    const mended = watched.afterNow();
    await writeFile(watched.at("policy.ts"), policy("1"));
    await mended(/^tests: 1 passed, 0 failed, /);
  });

  it("ends on Ctrl-C and leaves nothing", async () => {
    watched.command.kill("SIGINT");
    expect(await watched.command.exited).toBe(0);
    expect(lastLine(watched.command.stdout)).toBe("Stopped.");
    expect(processesNaming(watched.author.root)).toEqual([]);
    expect(await watched.moduleFolders()).toEqual([]);
    expect(existsSync(path.join(watched.author.root, ".meshwright"))).toBe(false);
  });
});
