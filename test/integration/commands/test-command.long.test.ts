// `meshwright test`: units that cannot run, and with --watch the ways of saving and the order of
// what is tested.

import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorPackage, policy } from "./author-package.js";
import { CliProcess, processesNaming, runCli } from "./cli-process.js";
import { WatchedAdder } from "./watched-adder.js";

/** A release build, as-pect and vitest, on a machine that is busy with other tests. */
const TEST_MS = 120_000;

it("counts units that cannot run as failed", { timeout: TEST_MS }, async () => {
  await using author = await authorPackage();
  await author.writeFilter("adder");
  await author.write("filters/adder/broken.spec.ts", "nothing();\n");
  const { exitCode, stdout, stderr } = await runCli(["test", "filters/adder"], author.root);
  expect(stdout + stderr).toMatch(/Cannot find name 'nothing'/);
  expect(stdout.trimEnd()).toMatch(/^1 passed, 1 failed$/m);
  expect(exitCode).toBe(1);
});

it("ends at once on Ctrl-C, whatever a test is doing", { timeout: TEST_MS }, async () => {
  await using author = await authorPackage();
  await author.writeFilter("adder");
  const loop = 'test("endless", () => { for (;;); });';
  await author.write("filters/adder/endless.test.ts", `import { test } from "vitest";\n${loop}\n`);
  await using command = new CliProcess(["test", "adder"], author.root);
  await command.until(/ RUN {2}v/);
  command.kill("SIGINT");
  expect(await command.exited).toBe(130);
  expect(processesNaming(author.root)).toEqual([]);
});

describe("meshwright test --watch", { timeout: TEST_MS }, () => {
  let watched: WatchedAdder;
  beforeAll(async () => {
    watched = await WatchedAdder.start();
  }, TEST_MS);
  afterAll(() => watched?.[Symbol.asyncDispose]());

  it("handles a save by rename, and several saves at once as one", async () => {
    const until = watched.afterNow();
    for (const value of ["3", "4", "1"]) {
      await writeFile(watched.at("policy.ts.new"), policy(value));
      await rename(watched.at("policy.ts.new"), watched.at("policy.ts"));
    }
    await until(/^tests: 1 passed, 0 failed, /);
  });

  it("delays the conformance suite until the other tests pass", async () => {
    const failing = watched.afterNow();
    const suite = 'import { test } from "vitest";\n// describeFilter(\ntest("conforms", () => {});\n';
    await watched.author.write("filters/adder/conformance.test.ts", suite);
    await failing(/^tests: 1 passed, 0 failed$/);
    const begun = watched.command.stdout.length;
    await writeFile(watched.at("policy.ts"), policy("5"));
    await failing(/^tests: 0 passed, 1 failed, /);
    await failing(/^units: 1 passed, 0 failed$/);
    const mended = watched.afterNow();
    await writeFile(watched.at("policy.ts"), policy("1"));
    await mended(/^tests: 1 passed, 0 failed, /);
    await mended(/^conformance: 1 passed, 0 failed$/);
    expect(watched.command.stdout.slice(begun).match(/^conformance: /gm)).toHaveLength(1);
    await rm(watched.at("conformance.test.ts"));
  });

  it("reports what the build would refuse", async () => {
    const entry = await readFile(watched.at("index.ts"), "utf8");
    const refused = watched.afterNow();
    await writeFile(
      watched.at("index.ts"),
      entry.replace("proxy_on_response_headers", "proxy_on_request_headers"),
    );
    await refused(/does not export a callback that it implements/);
    const mended = watched.afterNow();
    await writeFile(watched.at("index.ts"), entry);
    await mended(/^tests: 1 passed, 0 failed, /);
  });

  it("tests again when a test is saved, or is new", async () => {
    const saved = watched.afterNow();
    await watched.author.write(
      "filters/adder/more.test.ts",
      'import { test } from "vitest";\ntest("more", () => {});\n',
    );
    await saved(/^tests: 1 passed, 0 failed$/);
    const unit = watched.afterNow();
    await watched.author.write(
      "filters/adder/more.spec.ts",
      'describe("more", () => {\n  it("is", () => {});\n});\n',
    );
    await unit(/^units: 2 passed, 0 failed$/);
  });

  it("includes a file that has only now become part of the module", async () => {
    const imported = watched.afterNow();
    await watched.author.write("filters/adder/values/two.ts", 'export const TWO = "2";\n');
    await writeFile(
      watched.at("policy.ts"),
      'import { TWO } from "./values/two";\nexport function valueToAdd(): string {\n  return TWO;\n}\n',
    );
    await imported(/^tests: \d passed, 1 failed, /);
    const saved = watched.afterNow();
    await watched.author.write("filters/adder/values/two.ts", 'export const TWO = "1";\n');
    await saved(/^tests: \d passed, 0 failed, /);
  });
});
