// Runs every test there is: the AssemblyScript units (as-pect), then everything in TypeScript
// (vitest), stock Envoy included, then one filter's tests with Envoy in a container, where one can
// be had and `MESHWRIGHT_ENVOY` does not choose. Closes with one line over all of them. Arguments
// go to vitest, which then runs once: `npm test -- header-routing`.

import path from "node:path";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { findEnvoy } from "../envoy/runtime/find.js";
import { FILTERS } from "../filters/catalog.js";
import { whyNoContainer } from "../kit/envoy/runtime.js";
import { addCounts, type Counts, describeCounts, NO_TESTS } from "../kit/runner/counts.js";
import { specsIn } from "../kit/runner/room.js";
import { runSuites } from "../kit/runner/suites.js";
import { runUnits } from "../kit/runner/units.js";
import { buildFilters } from "../toolchain/compile/build.js";
import { missingTools } from "./support/tools.js";

const IN_CONTAINERS = "test/integration/header-routing";

const say = (line: string): void => console.log(line);
const interactive = process.stdout.isTTY === true;

async function units(): Promise<Counts> {
  const folders = ["assembly", "filters"].map((folder) => specsIn(path.join(PACKAGE_ROOT, folder)));
  return runUnits((await Promise.all(folders)).flat(), { root: PACKAGE_ROOT, onLine: say });
}

async function containers(): Promise<Counts> {
  const why = await whyNoContainer();
  if (why !== undefined) {
    say(`\nNo Envoy in a container: ${why}`);
    return NO_TESTS;
  }
  say("\nOne filter, with stock Envoy in a container");
  // The suites before have left their own.
  process.exitCode = 0;
  const env = { MESHWRIGHT_ENVOY: "container" };
  return runSuites({ root: PACKAGE_ROOT, words: [IN_CONTAINERS], env, interactive });
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const progress = (line: string): void => say(`  ${line}`);
  say("Building the filters");
  await buildFilters(
    FILTERS.map((filter) => filter.name),
    { onProgress: progress },
  );
  const envoy = await findEnvoy({ onProgress: progress });
  say(`Stock Envoy ${envoy.version} (${envoy.source}: ${envoy.path})`);
  say("\nAssemblyScript units");
  const ofUnits = await units();
  say("\nTypeScript, with stock Envoy");
  const ofSuites = await runSuites({
    root: PACKAGE_ROOT,
    words,
    env: { ENVOY_BIN: envoy.path, MESHWRIGHT_TEST_ENVOY: "1" },
    interactive,
  });
  const isWhole = words.length === 0 && process.env.MESHWRIGHT_ENVOY === undefined;
  const ofContainers = isWhole ? await containers() : NO_TESTS;
  const all = addCounts(addCounts(ofUnits, ofSuites), ofContainers);
  say(missingTools().join("\n"));
  say(describeCounts(all));
  process.exitCode = all.failed > 0 ? 1 : 0;
}

await main();
