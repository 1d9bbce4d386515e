// Runs scenarios in the in-process host and in stock Envoy. Everything that the client, the
// upstreams, the logs and the metrics saw must be the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFilters, modulePath } from "../../toolchain/compile/build.js";
import { compileProbe } from "../support/compile-probe.js";
import { isBefore } from "../support/version.js";
import { inEnvoy, type ModuleFiles } from "./in-envoy.js";
import { inProcess } from "./in-process.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { CATALOG_MODULES, type Scenario, type Seen } from "./scenario.js";

/**
 * The seed repeats a run's generated scenarios: `MESHWRIGHT_SEED=… npm test -- agreement`. In CI it
 * is always the same, so that a merge does not depend on luck.
 */
export const SEED = Number(process.env.MESHWRIGHT_SEED ?? (process.env.CI ? 1 : Date.now() % 1_000_000));
/**
 * On a busy machine a frame may reach Envoy later than a tick. Scenarios that differ are run again,
 * and only those that differ every time count.
 */
const RUNS = 3;
/**
 * The kit follows the pinned release. Older releases break off connections and order ends
 * differently.
 */
const IS_OLDER = await isBefore("1.39");

/** The scenarios of each family, by its name. */
export type Families = Readonly<Record<string, readonly Scenario[]>>;

/** Declares a test for each scenario. */
export function describeAgreement(families: Families): void {
  const scenarios = Object.values(families).flat();
  let folder: string;
  let modules: ModuleFiles;
  const envoys = new Map<string, Seen>();
  const hosts = new Map<string, Seen>();

  beforeAll(async () => {
    if (IS_OLDER) return;
    console.log(`MESHWRIGHT_SEED=${SEED} repeats the generated scenarios`);
    folder = await mkdtemp(path.join(tmpdir(), "meshwright-agreement-"));
    const plan = path.join(folder, "plan.wasm");
    await Promise.all([compileProbe("test/probes/agreement/index.ts", plan), buildFilters(CATALOG_MODULES)]);
    const files = CATALOG_MODULES.map((name) => [name, modulePath(name)] as const);
    modules = { plan, ...Object.fromEntries(files) } as ModuleFiles;
    for (const scenario of scenarios) hosts.set(scenario.name, inProcess(scenario, modules));
    let left = scenarios;
    for (let run = 0; run < RUNS && left.length > 0; run++) {
      await runInEnvoy(left);
      left = left.filter(({ name }) => !isDeepStrictEqual(hosts.get(name), envoys.get(name)));
    }
  }, 300_000);

  /** Runs two Envoys at once, since two cores have room for two. */
  async function runInEnvoy(some: readonly Scenario[]): Promise<void> {
    const half = Math.ceil(some.length / 2);
    const seen = await Promise.all([
      inEnvoy(some.slice(0, half), modules),
      inEnvoy(some.slice(half), modules),
    ]);
    seen.flat().forEach((each, i) => {
      envoys.set(some[i]?.name ?? "", each);
    });
  }

  afterAll(async () => {
    if (!IS_OLDER) await rm(folder, { recursive: true, force: true });
  });

  describe.skipIf(IS_OLDER).each(Object.entries(families))(
    "in process as in stock Envoy: %s",
    (_, family) => {
      test.each(family.map((scenario) => [scenario.name, scenario] as const))("%s", (name, scenario) => {
        const expected = envoys.get(name);
        expect(expected?.requests.length).toBe(scenario.requests?.length ?? 1);
        const actual = hosts.get(name);
        const known = KNOWN_DIFFERENCES.find(({ scenarios: pattern }) => pattern.test(name));
        if (known === undefined) expect(actual).toEqual(expected);
        else
          expect(
            actual,
            `is not a difference any more, remove it from the list: ${known.reason}`,
          ).not.toEqual(expected);
      });
    },
  );
}
