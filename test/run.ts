// Runs every test there is: the AssemblyScript units (as-pect), then everything in TypeScript (vitest), stock Envoy included. Closes with one
// line over all of them. Arguments go to vitest: `npm test -- header-routing`.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findEnvoy } from "../envoy/runtime/find.js";
import { buildFilters } from "../filters/build.js";
import { FILTERS } from "../filters/catalog.js";
import { missingTools } from "./harness/tools.js";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a Node program of a package, shows what it prints as it comes, and keeps it. */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
  const child = spawn(process.execPath, [path.join("node_modules", program), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, output };
}

/** as-pect prints `[Tests]: passed / all` and has no other summary; a spec that does not compile leaves none. */
async function runUnits(): Promise<Counts> {
  // Not through its `asp` command, which forces colour and may end before its output is read.
  const { code, output } = await run("@as-pect/cli/lib/test.js", [], { FORCE_COLOR: "0" });
  const [, passed, all] = /\[Tests\]: (\d+) \/ (\d+)/.exec(output) ?? [];
  const failed = Number(all ?? 0) - Number(passed ?? 0);
  return { passed: Number(passed ?? 0), failed: Math.max(failed, code === 0 ? 0 : 1), skipped: 0 };
}

async function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Counts> {
  const folder = await mkdtemp(path.join(tmpdir(), "meshwright-tests-"));
  const report = path.join(folder, "vitest.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const { code } = await run("vitest/vitest.mjs", ["run", ...reporters, ...args], env);
    const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
      await readFile(report, "utf8"),
    ) as Record<string, number>;
    // A file that fails to load has no failed test of its own, yet nothing in it ran.
    const broken = numFailedTests === 0 ? (numFailedTestSuites ?? 0) : 0;
    const failed = (numFailedTests ?? 0) + broken;
    return {
      passed: numPassedTests ?? 0,
      failed: code !== 0 && failed === 0 ? 1 : failed,
      skipped: numPendingTests ?? 0,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const progress = (line: string): void => console.log(`  ${line}`);
  console.log("Building the filters");
  await buildFilters(
    FILTERS.map((filter) => filter.name),
    { onProgress: progress },
  );
  const envoy = await findEnvoy({ onProgress: progress });
  console.log(`Stock Envoy ${envoy.version} (${envoy.source}: ${envoy.path})`);
  console.log("\nAssemblyScript units");
  const units = await runUnits();
  console.log("\nTypeScript, with stock Envoy");
  const suites = await runVitest(process.argv.slice(2), { ENVOY_BIN: envoy.path });
  console.log(missingTools().join("\n"));
  const passed = units.passed + suites.passed;
  const failed = units.failed + suites.failed;
  const skipped = units.skipped + suites.skipped;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
