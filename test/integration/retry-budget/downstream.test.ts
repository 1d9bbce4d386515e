// retry-budget in the listener's chain of a stock Envoy, where it tells the router how often it may
// retry.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import {
  type BudgetEnvoy,
  type LoadUpstream,
  RETRIES,
  startBudgetEnvoy,
  startLoadUpstream,
} from "./budget-envoy.js";

type Config = Omit<RetryBudgetConfig, "where">;

const HEAVY = { rate: 2000, protocol: "http2", connections: 32, streams: 16 } as const;
const NOTHING = { percentage: 0, minRetriesPerSecond: 0 };

let upstream: LoadUpstream;
let flaky: LoadUpstream;
let slow: LoadUpstream;
let budget: BudgetEnvoy;
let before: Record<string, number>;

beforeAll(async () => {
  upstream = await startLoadUpstream();
  flaky = await startLoadUpstream({
    fails: ({ path, attempt }) => attempt === 1 && Number(path.slice(1)) % 100 === 99,
  });
  slow = await startLoadUpstream({ delayMs: 20 });
  budget = await startBudgetEnvoy({
    upstreams: { upstream, flaky, slow },
    configuration: { where: "downstream" },
  });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  for (const server of [upstream, flaky, slow]) await server?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(budget.envoy);
  upstream.reset();
  flaky.reset();
});

async function configure(config: Config): Promise<void> {
  await budget.configure({ where: "downstream", ...config });
  before = await budget.decisions();
}

test("2,000 requests a second, all of which fail: attempts stay within 1.2 a request and the minimum", async () => {
  await configure({ budgets: [{ name: "proof", maxRetries: 3 }] });
  const { statuses, durationMs } = await runLoad({
    port: budget.envoy.port,
    ...HEAVY,
    forMs: amount(5000, 1500),
  });
  const requests = upstream.attempts(1);
  expect(statuses).toEqual({ 503: requests });
  expect(requests).toBeGreaterThan(500);
  const reserve = 10 * 10 * Math.ceil(durationMs / 10_000);
  expect(upstream.retries()).toBeLessThanOrEqual(0.2 * requests + reserve);
  expect(upstream.retries()).toBeGreaterThan(0.8 * 0.2 * requests);
  expect(await budget.routerRetries("upstream")).toBe(upstream.retries());
  await budget.expectAlive();
});

test("when one request in a hundred fails, each of them is retried and every client gets 200", async () => {
  await configure({ budgets: [{ name: "flaky" }] });
  const headers = [["x-mesh-destination", "flaky"]] as const;
  const requests = amount(4000, 1000);
  const options = { rate: 1000, forMs: 20_000, requests, path: "/{n}", headers };
  const { statuses } = await runLoad({ port: budget.envoy.port, ...options });
  expect(statuses).toEqual({ 200: requests });
  expect([flaky.attempts(1), flaky.attempts(2), flaky.attempts(3)]).toEqual([requests, requests / 100, 0]);
});

test("the client gets the upstream's own answer, and the upstream sees nothing of the filter", async () => {
  await configure({ budgets: [{ name: "own", ratio: NOTHING }] });
  const response = await send(budget.envoy.url);
  expect(response).toMatchObject({ status: 503, body: "own failure" });
  expect(response.header("x-own")).toBe("own");
  expect([upstream.attempts(1), upstream.retries()]).toEqual([1, 0]);
});

test("a request is retried up to its maximum while the budget lasts, whatever its route says", async () => {
  for (const maxRetries of [1, 2, 5]) {
    await configure({ budgets: [{ name: `enough-${maxRetries}`, maxRetries }] });
    upstream.reset();
    await send(budget.envoy.url);
    expect(upstream.retries()).toBe(maxRetries);
  }
});

test("another request may use the retries that a request does not use", async () => {
  const ratio = { percentage: 0, ttl: "1m", minRetriesPerSecond: 1 };
  await configure({ budgets: [{ name: "settled", ratio, maxRetries: 3 }] });
  const headers = [["x-mesh-destination", "flaky"]] as const;
  const options = { port: budget.envoy.port, forMs: 20_000, connections: 4 };
  // Ten times as many as there are retries, and none needs one.
  const good = await runLoad({ ...options, requests: 600, path: "/1", headers });
  expect(good.statuses).toEqual({ 200: 600 });
  // Each of these needs one of the three that it is given.
  const failing = await runLoad({ ...options, requests: 300, path: "/99", headers });
  expect(failing.statuses).toEqual({ 200: 60, 503: 240 });
  expect([flaky.attempts(2), flaky.attempts(3)]).toEqual([60, 0]);
});

test("the retries in progress are at most a share of the requests", async () => {
  const concurrency = { percentage: 20, minRetryConcurrency: 3 };
  await configure({ budgets: [{ name: "concurrency", concurrency, maxRetries: 3 }] });
  const headers = [["x-mesh-destination", "slow"]] as const;
  await runLoad({ port: budget.envoy.port, forMs: amount(3000, 800), connections: 40, headers });
  expect(slow.mostRetriesAtOnce()).toBeLessThanOrEqual(8);
  expect(slow.mostRetriesAtOnce()).toBeGreaterThanOrEqual(2);
  await expect
    .poll(() => budget.gauges())
    .toMatchObject({
      "active_requests;rule=concurrency": 0,
      "active_retries;rule=concurrency": 0,
    });
});

test("a POST is not retried, and a GET is", async () => {
  await configure({ budgets: [{ name: "method" }] });
  await send(budget.envoy.url, { method: "POST", body: "order" });
  expect([upstream.attempts(1), upstream.retries()]).toEqual([1, 0]);
  await send(budget.envoy.url);
  expect(upstream.retries()).toBe(1);
});

test("shadow mode leaves the route's retries unchanged", async () => {
  await configure({ budgets: [{ name: "shadow", shadow: true, ratio: NOTHING }] });
  await send(budget.envoy.url);
  expect(upstream.retries()).toBe(RETRIES);
  const words = Object.keys(await budget.decisionsSince(before));
  expect(words.length).toBeGreaterThan(0);
  expect(words.every((word) => word.startsWith("shadow shadow-"))).toBe(true);
});

test("the response reports the decision when the configuration asks for it", async () => {
  await configure({ explainHeader: "x-why", budgets: [{ name: "told", ratio: NOTHING }] });
  const response = await send(budget.envoy.url, { headers: [["x-why", "forged"]] });
  expect(response.header("x-why")).toBe("told;outcome=exceeded");
});

describe("a hostile client", () => {
  test.each([
    ["x-envoy-max-retries", "100"],
    ["x-envoy-retry-on", "5xx"],
    ["grpc-timeout", "99999999999999H"],
    ["x-envoy-expected-rq-timeout-ms", "-1"],
    ["x-envoy-attempt-count", "9"],
  ])("gets no additional retry by %s: %s", async (name, value) => {
    await configure({ budgets: [{ name: "hostile", ratio: NOTHING }] });
    expect((await send(budget.envoy.url, { headers: [[name, value]] })).status).toBe(503);
    expect([upstream.attempts(1), upstream.retries()]).toEqual([1, 0]);
    await budget.expectAlive();
  });
});
