// `meshwright test` in an author's package: what it runs, and how it ends.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AuthorPackage, authorPackage, policy } from "./author-package.js";
import { runCli } from "./cli-process.js";
import { runMain } from "./run-main.js";

/** A release build, as-pect and vitest, on a machine that is busy with other tests. */
const TEST_MS = 120_000;

let author: AuthorPackage;
beforeAll(async () => {
  author = await authorPackage();
  await author.writeFilter("adder");
});
afterAll(() => author[Symbol.asyncDispose]());

/** A test that only `--envoy` runs. */
const IN_ENVOY = "filters/adder/some.envoy.test.ts";
const IN_ENVOY_TEST = `import { expect, test } from "vitest";
test("asked for", () => expect(process.env.MESHWRIGHT_TEST_ENVOY).toBe("1"));
`;

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1);
const test = (...words: string[]) => runCli(["test", ...words], author.root);

describe("meshwright test", { timeout: TEST_MS }, () => {
  it("runs every filter's units and tests except those in stock Envoy, and counts them at the end", async () => {
    await author.write(IN_ENVOY, IN_ENVOY_TEST);
    const { exitCode, stdout, stderr } = await test();
    await rm(path.join(author.root, IN_ENVOY));
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^(compiled adder|took adder from the cache: it was compiled before)$/m);
    expect(stdout).toContain(
      'note: adder has no conformance test: add one that calls describeFilter("adder", …)',
    );
    expect(stdout).toMatch(/✔ filters\/adder\/policy\.spec\.ts Pass: 1 \/ 1/);
    expect(stdout).toMatch(/✓ filters\/adder\/index\.test\.ts/);
    expect(lastLine(stdout)).toBe("2 passed, 0 failed");
    expect(exitCode).toBe(0);
  });

  it("ends with 1 when a unit or a test fails, or a test cannot run; --envoy also runs the tests in stock Envoy", async () => {
    await author.write("filters/adder/policy.ts", policy(""));
    await author.write("filters/adder/broken.test.ts", 'import "./nowhere.js";\n');
    await author.write(IN_ENVOY, IN_ENVOY_TEST);
    const { exitCode, stdout } = await test("filters/adder", "--envoy");
    for (const file of ["filters/adder/broken.test.ts", IN_ENVOY]) await rm(path.join(author.root, file));
    await author.write("filters/adder/policy.ts", policy("1"));
    expect(lastLine(stdout)).toBe("1 passed, 3 failed");
    expect(exitCode).toBe(1);
  });

  it("does not test a filter that cannot be built", async () => {
    await author.write("filters/adder/policy.ts", "export function valueToAdd(): string { return 1; }\n");
    const { exitCode, stdout, stderr } = await runMain(["test", "adder"], author.root);
    await author.write("filters/adder/policy.ts", policy("1"));
    expect(stderr).toMatch(
      /^meshwright: filters\/adder\/index\.ts does not compile: [\s\S]*in filters\/adder\/policy\.ts\(1,/,
    );
    expect(stdout).not.toMatch(/passed/);
    expect(exitCode).toBe(3);
  });

  it("lists the filters when it does not know one", async () => {
    const { exitCode, stderr } = await runMain(["test", "addr"], author.root);
    expect(stderr).toMatch(
      /^meshwright: there is no filter "addr"; did you mean "adder"\? the filters are: .*\badder\n$/,
    );
    expect(exitCode).toBe(3);
  });

  it("says what to do when there are no filters", async () => {
    await using empty = await authorPackage();
    const { exitCode, stderr } = await runMain(["test"], empty.root);
    expect(stderr).toMatch(/^meshwright: there are no filters in .*: make one with `meshwright new NAME`/);
    expect(exitCode).toBe(2);
  });

  it("says how to install the tools that the package lacks", async () => {
    const parent = await mkdtemp(path.join(tmpdir(), "test-command-"));
    const bare = await authorPackage(parent);
    await bare.writeFilter("adder");
    const unit = await runMain(["test"], bare.root);
    await rm(path.join(bare.root, "filters/adder/policy.spec.ts"));
    const suite = await runMain(["test"], bare.root);
    await rm(parent, { recursive: true });
    expect(unit.stderr).toMatch(
      /^meshwright: @as-pect\/cli is not installed in .*: run `npm install --save-dev @as-pect/,
    );
    expect(suite.stderr).toMatch(
      /^meshwright: vitest is not installed in .*: run `npm install --save-dev vitest@/,
    );
    expect([unit.exitCode, suite.exitCode]).toEqual([10, 10]);
  });
});
