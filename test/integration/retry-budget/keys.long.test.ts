// retry-budget in stock Envoy: whose budget it is, over which time, and what remains of it while
// Envoy runs and its configuration changes.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import descriptor from "../../../filters/retry-budget/descriptor.js";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import {
  type BudgetEnvoy,
  FILTER,
  type LoadUpstream,
  RETRIES,
  startBudgetEnvoy,
  startLoadUpstream,
} from "./budget-envoy.js";

type Budget = NonNullable<RetryBudgetConfig["budgets"]>[number];

/** Five retries in all: a window of a second, and none for requests. */
const FIVE = { percentage: 0, ttl: "1s", minRetriesPerSecond: 5 };
/** Sixty retries, for longer than a test takes. */
const SIXTY = { percentage: 0, ttl: "1m", minRetriesPerSecond: 1 };
/**
 * A retry that is promised to the last attempt of a request is returned as soon as its response has
 * been sent. So only a few of sixty may be missing.
 */
const MOST_OF_SIXTY = 50;

let upstreams: Record<"a" | "b", LoadUpstream>;
let budget: BudgetEnvoy;

beforeAll(async () => {
  upstreams = { a: await startLoadUpstream(), b: await startLoadUpstream() };
  budget = await startBudgetEnvoy({ upstreams, configuration: {} });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  for (const server of Object.values(upstreams ?? {})) await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(budget.envoy);
  for (const server of Object.values(upstreams)) server.reset();
});

/** Spends the whole budget: forty requests that may be retried three times each. */
async function spend(headers: readonly (readonly [string, string])[] = []): Promise<void> {
  const { statuses } = await runLoad({
    port: budget.envoy.port,
    requests: 40,
    forMs: 20_000,
    connections: 20,
    headers,
  });
  expect(statuses).toEqual({ 503: 40 });
}

const retries = () => ({ a: upstreams.a.retries(), b: upstreams.b.retries() });
/** Checks that the given number of budgets of sixty are spent, and no retry more. */
function expectSpent(server: "a" | "b", budgets: number): void {
  expect(retries()[server]).toBeGreaterThanOrEqual(budgets * MOST_OF_SIXTY);
  expect(retries()[server]).toBeLessThanOrEqual(budgets * 60);
}

/** How often each of the given number of callers is retried, one after the other. */
async function retriesOfCallers(count: number): Promise<readonly number[]> {
  const found = [];
  for (let i = 0; i < count; i++) {
    const before = upstreams.a.retries();
    await send(budget.envoy.url, { headers: [["x-caller", `caller-${i}`]] });
    found.push(upstreams.a.retries() - before);
  }
  return found;
}

const to = (name: string) => ["x-mesh-destination", name] as const;
const configure = (entry: Budget, more: Omit<RetryBudgetConfig, "budgets"> = {}) =>
  budget.configure({ ...more, budgets: [entry] });

describe("a budget", () => {
  test("is each cluster's own by default", async () => {
    await configure({ name: "default-per", ratio: SIXTY });
    await spend([to("a")]);
    expectSpent("a", 1);
    expect(retries().b).toBe(0);
    await spend([to("b")]);
    expectSpent("a", 1);
    expectSpent("b", 1);
  });

  test("stays the same when its settings get the cluster's name while Envoy runs, and lose it", async () => {
    const config = { budgets: [{ name: "told", ratio: SIXTY }] };
    const told = descriptor.inCluster?.(config, "a") ?? {};
    expect(told).not.toEqual(config);
    await budget.configure(told);
    await spend([to("a")]);
    for (const settings of [config, told, config]) {
      await budget.configure(settings);
      await spend([to("a")]);
      expectSpent("a", 1);
    }
    await spend([to("b")]);
    expectSpent("b", 1);
  });

  test("belongs to a cluster, whatever the route", async () => {
    await configure({ name: "cluster", per: { cluster: true }, ratio: SIXTY });
    // By the route `a` and by the fallback route.
    await spend([to("a")]);
    await spend();
    expectSpent("a", 1);
  });

  test("is each route's own when it is configured so", async () => {
    await configure({ name: "route", per: { route: true }, ratio: SIXTY });
    await spend([to("a")]);
    await spend([to("a")]);
    expectSpent("a", 1);
    await spend();
    expectSpent("a", 2);
  });

  test("is each caller's own by a header, and callers without it share one", async () => {
    await configure({ name: "caller", per: { header: "x-caller" }, ratio: SIXTY });
    await spend([["x-caller", "web"]]);
    await spend([["x-caller", "web"]]);
    expectSpent("a", 1);
    await spend([["x-caller", "batch"]]);
    expectSpent("a", 2);
    await spend();
    await spend();
    expectSpent("a", 3);
  });

  test("of a million callers has no more keys than configured", async () => {
    const ratio = { percentage: 0, ttl: "1m", minRetriesPerSecond: 1 };
    await configure({ name: "crowd", per: { header: "x-caller" }, ratio }, { maxCallers: 2 });
    await runLoad({
      port: budget.envoy.port,
      requests: 500,
      forMs: 20_000,
      connections: 50,
      headers: [["x-caller", "caller-{n}"]],
    });
    // Callers without the header may have one in addition.
    expect(retries().a).toBeGreaterThanOrEqual(MOST_OF_SIXTY);
    expect(retries().a).toBeLessThanOrEqual(3 * 60);
  });

  test("is available again after its window", async () => {
    await configure({ name: "window", ratio: FIVE });
    await spend();
    expect(retries().a).toBeGreaterThanOrEqual(3);
    // Of 120 that the route would make. A busy machine takes several windows for them.
    expect(retries().a).toBeLessThan(60);
    await sleep(1500);
    upstreams.a.reset();
    await spend();
    expect(retries().a).toBeGreaterThanOrEqual(3);
  });

  test("of several that match has its own key for each", async () => {
    const match = { headers: [{ name: "x-team", exact: "one" }] };
    await budget.configure({
      budgets: [
        { name: "team-one", match, ratio: SIXTY },
        { name: "others", ratio: { percentage: 0, minRetriesPerSecond: 0 } },
      ],
    });
    await spend([["x-team", "one"]]);
    const spent = retries().a;
    expectSpent("a", 1);
    await spend([["x-team", "two"]]);
    expect(retries().a).toBe(spent);
  });

  test("with a share covers all attempts of the same callers", async () => {
    const share = { percentage: 50, key: { header: "x-caller" } };
    await configure({ name: "sticky", share, ratio: { percentage: 0, minRetriesPerSecond: 0 } });
    const rounds = [await retriesOfCallers(30), await retriesOfCallers(30)];
    expect(rounds[0]).toEqual(rounds[1]);
    // Of thirty fair coins fewer than five show one side once in thirty thousand times, and these
    // show the same side each time.
    expect(rounds[0]?.filter((count) => count === 0).length).toBeGreaterThanOrEqual(5);
    expect(rounds[0]?.filter((count) => count === RETRIES).length).toBeGreaterThanOrEqual(5);
  });

  test("reports in a gauge what remains of it", async () => {
    await configure({ name: "gauge", ratio: SIXTY });
    await send(budget.envoy.url);
    const gauge = async () => (await budget.gauges())["retries_remaining;rule=gauge"];
    await expect.poll(gauge).toBe(60 - RETRIES);
    await spend();
    await expect.poll(gauge).toBeLessThanOrEqual(60 - MOST_OF_SIXTY);
  });

  test("reports that it is available again also when no requests arrive any more", async () => {
    await configure({ name: "quiet", ratio: FIVE });
    await spend();
    const gauge = async () => (await budget.gauges())["retries_remaining;rule=quiet"];
    await expect.poll(gauge, { interval: 250 }).toBe(5);
  });
});

test("another configuration is applied while requests continue, and none of them is lost", async () => {
  await configure({ name: "live-0", ratio: SIXTY });
  const load = runLoad({ port: budget.envoy.port, rate: 200, forMs: amount(3000, 1500), connections: 32 });
  for (let i = 1; i <= amount(8, 4); i++) {
    await configure({ name: `live-${i}`, ratio: { ...SIXTY, minRetriesPerSecond: i % 3 } });
    await sleep(200);
  }
  const { statuses, answers } = await load;
  expect(statuses).toEqual({ 503: answers.length });
  await budget.expectAlive();
});

test("an invalid configuration is refused with its place, and the last good one stays", async () => {
  await configure({ name: "kept", ratio: { percentage: 0, minRetriesPerSecond: 0 } });
  const bad = [
    [{ budgets: [{ name: "x", ratio: { percentage: 101 } }] }, "budgets[0].ratio.percentage"],
    [{ budgets: [{ name: "x", ratio: { percentage: -1 } }] }, "budgets[0].ratio.percentage"],
    [{ budgets: [{ name: "x", ratio: { ttl: "1ms" } }] }, "budgets[0].ratio.ttl"],
    [{ budgets: [{ name: "x", ratio: {}, concurrency: {} }] }, "budgets[0]"],
    [{ budgets: [] }, "budgets"],
    [{ answer: { status: 200 } }, "answer.status"],
    [{ budgets: [{ name: "x", methods: ["get"] }] }, "budgets[0].methods[0]"],
    [{ buckets: [] }, "buckets"],
  ] as const;
  for (const [config, path] of bad) {
    expect(await budget.envoy.configure(FILTER, config)).toEqual({
      accepted: false,
      reason: expect.stringContaining(`retry-budget: configuration refused: ${path}: `),
    });
  }
  await spend();
  expect(retries()).toEqual({ a: 0, b: 0 });
});

describe("a hostile client", () => {
  const long = "x".repeat(60_000);

  test.each([
    ["x-envoy-attempt-count", ["0", "-1", "999999999999", "abc", "", "1, 2", long]],
    ["grpc-timeout", ["", "n", "99999999999H", "-1S", "1.5S", "0m", "\xff\xfe", long]],
    ["x-envoy-expected-rq-timeout-ms", ["", "0", "-5", "1e9", "18446744073709551616", long]],
    ["x-envoy-max-retries", ["100", "-1", "abc"]],
    ["x-envoy-retry-on", ["5xx,envoy-ratelimited", "envoy-ratelimited"]],
    ["x-envoy-ratelimited", ["true", "false"]],
    ["x-caller", ["", "\xc0\xaf", long, "a;b=c"]],
  ])("gets no additional retry by %s", async (name, values) => {
    await configure({
      name: "hostile",
      per: { header: "x-caller" },
      ratio: { percentage: 0, minRetriesPerSecond: 0 },
    });
    for (const value of values) {
      upstreams.a.reset();
      const response = await send(budget.envoy.url, { headers: [[name, value]] });
      expect([name, value.slice(0, 20), response.status]).toEqual([name, value.slice(0, 20), 503]);
      expect([upstreams.a.attempts(1), upstreams.a.retries()]).toEqual([1, 0]);
    }
    await budget.expectAlive();
  });
});
