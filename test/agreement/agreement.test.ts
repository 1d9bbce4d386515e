// The in-process host against stock Envoy: every scenario in both, and all that client, upstreams, logs and metrics saw must be the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFilters, compileModule, modulePath } from "../../filters/build.js";
import { generated } from "./generate.js";
import { inEnvoy, type ModuleFiles } from "./in-envoy.js";
import { inProcess } from "./in-process.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import type { Scenario, Seen } from "./scenario.js";
import { FILTERS } from "./scenarios/filters.js";
import { FLOW } from "./scenarios/flow.js";
import { ENDINGS, HOST_CALLS, QUEUE_CALLS } from "./scenarios/host-calls.js";
import { JOINED_HEADERS } from "./scenarios/joined-headers.js";
import { ROUTER } from "./scenarios/router.js";

/** A seed repeats a run's generated scenarios: `MESHWRIGHT_SEED=… npm test -- agreement`. */
const SEED = Number(process.env.MESHWRIGHT_SEED ?? Date.now() % 1_000_000);
const GENERATED = 120;
const FAMILIES: Readonly<Record<string, readonly Scenario[]>> = {
  "host calls": HOST_CALLS,
  "queue calls": QUEUE_CALLS,
  "joined headers": JOINED_HEADERS,
  endings: ENDINGS,
  flow: FLOW,
  router: ROUTER,
  filters: FILTERS,
  [`generated, seed ${SEED}`]: generated(SEED, GENERATED),
};
const SCENARIOS = Object.values(FAMILIES).flat();

let folder: string;
let modules: ModuleFiles;
let envoys: ReadonlyMap<string, Seen>;

beforeAll(async () => {
  console.log(`MESHWRIGHT_SEED=${SEED} repeats the generated scenarios`);
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-agreement-"));
  const plan = path.join(folder, "plan.wasm");
  await Promise.all([
    compileModule("test/probes/agreement/index.ts", plan),
    buildFilters(["header-routing", "trace-headers"]),
  ]);
  modules = {
    plan,
    "header-routing": modulePath("header-routing"),
    "trace-headers": modulePath("trace-headers"),
  };
  // Two Envoys at once, as two cores have room for.
  const half = Math.ceil(SCENARIOS.length / 2);
  const seen = await Promise.all([
    inEnvoy(SCENARIOS.slice(0, half), modules),
    inEnvoy(SCENARIOS.slice(half), modules),
  ]);
  envoys = new Map(seen.flat().map((each, i) => [SCENARIOS[i]?.name ?? "", each]));
}, 180_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test("there are at least 300 scenarios, and no two of a name", () => {
  expect(SCENARIOS.length).toBeGreaterThan(300);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

describe.each(Object.entries(FAMILIES))("in process as in stock Envoy: %s", (_, scenarios) => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", (name, scenario) => {
    const expected = envoys.get(name);
    expect(expected?.requests.length).toBe(scenario.requests?.length ?? 1);
    const actual = inProcess(scenario, modules);
    const known = KNOWN_DIFFERENCES.find(({ scenarios: pattern }) => pattern.test(name));
    if (known === undefined) expect(actual).toEqual(expected);
    else
      expect(actual, `is no difference any more, take it out of the list: ${known.reason}`).not.toEqual(
        expected,
      );
  });
});

test("every known difference is about scenarios that there are", () => {
  const unused = KNOWN_DIFFERENCES.filter(
    ({ scenarios }) => !SCENARIOS.some(({ name }) => scenarios.test(name)),
  );
  expect(unused).toEqual([]);
});
