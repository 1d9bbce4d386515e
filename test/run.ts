// Runs every test there is: the AssemblyScript units (as-pect), then everything in TypeScript (vitest), stock Envoy included. Closes with one
// line over all of them. Arguments go to vitest: `npm test -- header-routing`.

import path from "node:path";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { findEnvoy } from "../envoy/runtime/find.js";
import { buildFilters } from "../filters/build.js";
import { FILTERS } from "../filters/catalog.js";
import { missingTools } from "./harness/tools.js";
import { addCounts, type Counts, describeCounts } from "./runner/counts.js";
import { specsIn } from "./runner/room.js";
import { runSuites } from "./runner/suites.js";
import { runUnits } from "./runner/units.js";

const say = (line: string): void => console.log(line);

async function units(): Promise<Counts> {
  const folders = ["assembly", "filters"].map((folder) => specsIn(path.join(PACKAGE_ROOT, folder)));
  return runUnits((await Promise.all(folders)).flat(), { root: PACKAGE_ROOT, onLine: say });
}

async function main(): Promise<void> {
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
    words: process.argv.slice(2),
    env: { ENVOY_BIN: envoy.path, MESHWRIGHT_TEST_ENVOY: "1" },
    interactive: process.stdout.isTTY === true,
  });
  const all = addCounts(ofUnits, ofSuites);
  say(missingTools().join("\n"));
  say(describeCounts(all));
  process.exitCode = all.failed > 0 ? 1 : 0;
}

await main();
