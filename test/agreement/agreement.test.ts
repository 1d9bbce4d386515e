// The in-process host against stock Envoy: every scenario in both, and all that client, upstreams,
// logs and metrics saw must be the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFilters, compileModule, modulePath } from "../../toolchain/compile/build.js";
import { isBefore } from "../support/version.js";
import { generated } from "./generate.js";
import { inEnvoy, type ModuleFiles } from "./in-envoy.js";
import { inProcess } from "./in-process.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { CATALOG_MODULES, type Scenario, type Seen } from "./scenario.js";
import { FAILURES } from "./scenarios/failures.js";
import { FAULT_INJECTION } from "./scenarios/fault-injection.js";
import { FILTERS } from "./scenarios/filters.js";
import { FLOW } from "./scenarios/flow.js";
import { GRPC_CALLS } from "./scenarios/grpc-calls.js";
import { ENDINGS, HOST_CALLS, QUEUE_CALLS } from "./scenarios/host-calls.js";
import { JOINED_HEADERS } from "./scenarios/joined-headers.js";
import { RATE_LIMIT } from "./scenarios/rate-limit.js";
import { RETRY_BUDGET } from "./scenarios/retry-budget.js";
import { ROUTER } from "./scenarios/router.js";

/**
 * A seed repeats a run's generated scenarios: `MESHWRIGHT_SEED=… npm test -- agreement`. In CI it
 * is always the same: a landing is no matter of luck.
 */
const SEED = Number(process.env.MESHWRIGHT_SEED ?? (process.env.CI ? 1 : Date.now() % 1_000_000));
/**
 * On a busy machine a frame may come later than a tick in Envoy: what differs is run again, and a
 * difference is what differs every time.
 */
const RUNS = 3;
const GENERATED = 120;
const FAMILIES: Readonly<Record<string, readonly Scenario[]>> = {
  "host calls": HOST_CALLS,
  "queue calls": QUEUE_CALLS,
  "joined headers": JOINED_HEADERS,
  endings: ENDINGS,
  flow: FLOW,
  router: ROUTER,
  failures: FAILURES,
  "gRPC calls": GRPC_CALLS,
  filters: FILTERS,
  "fault-injection": FAULT_INJECTION,
  "retry-budget": RETRY_BUDGET,
  "rate-limit": RATE_LIMIT,
  [`generated, seed ${SEED}`]: generated(SEED, GENERATED),
};
const SCENARIOS = Object.values(FAMILIES).flat();

/**
 * The kit is modelled on the pinned release; older ones break off connections and order ends
 * otherwise.
 */
const IS_OLDER = await isBefore("1.39");

let folder: string;
let modules: ModuleFiles;
const envoys = new Map<string, Seen>();
const hosts = new Map<string, Seen>();

beforeAll(async () => {
  if (IS_OLDER) return;
  console.log(`MESHWRIGHT_SEED=${SEED} repeats the generated scenarios`);
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-agreement-"));
  const plan = path.join(folder, "plan.wasm");
  await Promise.all([compileModule("test/probes/agreement/index.ts", plan), buildFilters(CATALOG_MODULES)]);
  const files = CATALOG_MODULES.map((name) => [name, modulePath(name)] as const);
  modules = { plan, ...Object.fromEntries(files) } as ModuleFiles;
  for (const scenario of SCENARIOS) hosts.set(scenario.name, inProcess(scenario, modules));
  let left = SCENARIOS;
  for (let run = 0; run < RUNS && left.length > 0; run++) {
    await runInEnvoy(left);
    left = left.filter(({ name }) => !isDeepStrictEqual(hosts.get(name), envoys.get(name)));
  }
}, 300_000);

/** Two Envoys at once, as two cores have room for. */
async function runInEnvoy(scenarios: readonly Scenario[]): Promise<void> {
  const half = Math.ceil(scenarios.length / 2);
  const seen = await Promise.all([
    inEnvoy(scenarios.slice(0, half), modules),
    inEnvoy(scenarios.slice(half), modules),
  ]);
  seen.flat().forEach((each, i) => {
    envoys.set(scenarios[i]?.name ?? "", each);
  });
}

afterAll(async () => {
  if (!IS_OLDER) await rm(folder, { recursive: true, force: true });
});

test("there are at least 300 scenarios, and no two of a name", () => {
  expect(SCENARIOS.length).toBeGreaterThan(300);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

describe.skipIf(IS_OLDER).each(Object.entries(FAMILIES))(
  "in process as in stock Envoy: %s",
  (_, scenarios) => {
    test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", (name, scenario) => {
      const expected = envoys.get(name);
      expect(expected?.requests.length).toBe(scenario.requests?.length ?? 1);
      const actual = hosts.get(name);
      const known = KNOWN_DIFFERENCES.find(({ scenarios: pattern }) => pattern.test(name));
      if (known === undefined) expect(actual).toEqual(expected);
      else
        expect(actual, `is no difference any more, take it out of the list: ${known.reason}`).not.toEqual(
          expected,
        );
    });
  },
);

test("every known difference is about scenarios that there are", () => {
  const unused = KNOWN_DIFFERENCES.filter(
    ({ scenarios }) => !SCENARIOS.some(({ name }) => scenarios.test(name)),
  );
  expect(unused).toEqual([]);
});
