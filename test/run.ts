// Runs our own tests: the AssemblyScript units (as-pect), then the suites in TypeScript (vitest),
// including stock Envoy. With `--all` it also runs what a person does not wait for: the long
// suites, the whole amount of every test's repetition, and one filter's tests with Envoy in a
// container, if a container can run and `MESHWRIGHT_ENVOY` does not choose. It ends with the
// slowest files and one line about all tests. With `CI=true`, up to five files with failures run
// once more, alone. Other arguments go to vitest, and the units are left
// out: `npm test -- header-routing`.

import path from "node:path";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { findEnvoy } from "../envoy/runtime/find.js";
import { FILTERS } from "../filters/catalog.js";
import { whyNoContainer } from "../kit/envoy/runtime.js";
import { addCounts, type Counts, describeCounts, NO_TESTS } from "../kit/runner/counts.js";
import { specsIn } from "../kit/runner/room.js";
import { runSuites, type SuiteOptions, type SuiteResult } from "../kit/runner/suites.js";
import { runUnits } from "../kit/runner/units.js";
import { buildFilters } from "../toolchain/compile/build.js";
import { EXCLUDED } from "../vitest.config.js";
import { missingTools } from "./support/tools.js";

const IN_CONTAINERS = "test/integration/header-routing";
/** Suites that only `--all` runs. */
const LONG = "**/*.long.test.ts";
const DEAREST = 10;
/** With more files than this something is broken, and a second run would show nothing. */
const MOST_AGAIN = 5;

const say = (line: string): void => console.log(line);
const interactive = process.stdout.isTTY === true;
const results: SuiteResult[] = [];
/** Files with a failure that passed when they ran again. */
const unsteady: string[] = [];

async function units(): Promise<Counts> {
  const folders = ["assembly", "filters"].map((folder) => specsIn(path.join(PACKAGE_ROOT, folder)));
  return runUnits((await Promise.all(folders)).flat(), { root: PACKAGE_ROOT, onLine: say, together: true });
}

type Suites = Pick<SuiteOptions, "files" | "words" | "env">;

async function suites(options: Suites): Promise<Counts> {
  // The test runs before this one have left their own exit code.
  process.exitCode = 0;
  const files: SuiteResult[] = [];
  const onFiles = (ended: readonly SuiteResult[]) => files.push(...ended);
  const counts = await runSuites({ root: PACKAGE_ROOT, interactive, onFiles, ...options });
  results.push(...files);
  const failed = files.filter((file) => file.counts.failed > 0);
  const isExplained = failed.reduce((sum, file) => sum + file.counts.failed, 0) === counts.failed;
  if (process.env.CI !== "true" || !isExplained || failed.length === 0 || failed.length > MOST_AGAIN)
    return counts;
  const passed = files.filter((file) => file.counts.failed === 0).map((file) => file.counts);
  return passed.reduce(addCounts, await again(failed, options));
}

/**
 * Runs the files with failures once more, with nothing beside them. A fault fails twice. What
 * passes now failed because of the machine, or is a race: it is told at the end, since it must be
 * mended.
 */
async function again(failed: readonly SuiteResult[], options: Suites): Promise<Counts> {
  process.exitCode = 0;
  say(`\nOnce more, alone: ${failed.map(({ file }) => file).join(", ")}`);
  const second: SuiteResult[] = [];
  const counts = await runSuites({
    root: PACKAGE_ROOT,
    interactive,
    onFiles: (files) => second.push(...files),
    ...options,
    words: ["--maxWorkers=1", ...failed.map(({ file }) => file)],
  });
  const isGreen = (file: string) => second.some((each) => each.file === file && each.counts.failed === 0);
  unsteady.push(...failed.flatMap(({ file }) => (isGreen(file) ? [file] : [])));
  return counts;
}

async function containers(): Promise<Counts> {
  const why = await whyNoContainer();
  if (why !== undefined) {
    say(`\nNo Envoy in a container: ${why}`);
    return NO_TESTS;
  }
  say("\nOne filter, with stock Envoy in a container");
  return suites({ words: [IN_CONTAINERS], env: { MESHWRIGHT_ENVOY: "container" } });
}

/** Shows which files have become slow. */
function dearestFiles(): readonly string[] {
  const dearest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, DEAREST);
  return dearest.map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file}`);
}

async function main(): Promise<void> {
  const isAll = process.argv.includes("--all");
  const words = process.argv.slice(2).filter((word) => word !== "--all");
  const isWhole = words.length === 0;
  const progress = (line: string): void => say(`  ${line}`);
  say("Building the filters");
  await buildFilters(
    FILTERS.map((filter) => filter.name),
    { onProgress: progress },
  );
  const envoy = await findEnvoy({ onProgress: progress });
  say(`Stock Envoy ${envoy.version} (${envoy.source}: ${envoy.path})`);
  const env = { ENVOY_BIN: envoy.path, MESHWRIGHT_TEST_ENVOY: "1" };
  const counts: Counts[] = [];
  if (isWhole) {
    say("\nAssemblyScript units");
    counts.push(await units());
  }
  say("\nTypeScript, with stock Envoy");
  const files = { include: ["**/*.test.ts"], exclude: isAll ? EXCLUDED : [...EXCLUDED, LONG] };
  const quick = isAll ? {} : { MESHWRIGHT_QUICK: "1" };
  counts.push(await suites({ files, words, env: { ...env, ...quick } }));
  if (isAll && isWhole && process.env.MESHWRIGHT_ENVOY === undefined) counts.push(await containers());
  const all = counts.reduce(addCounts, NO_TESTS);
  say(`\nThe slowest files\n${dearestFiles().join("\n")}\n`);
  for (const line of missingTools(isAll)) say(line);
  for (const file of unsteady) say(`Failed at first and passed alone, so it must be mended: ${file}`);
  say(describeCounts(all));
  process.exitCode = all.failed > 0 ? 1 : 0;
}

await main();
