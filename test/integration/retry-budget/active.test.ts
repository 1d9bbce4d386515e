// retry-budget in stock Envoy: what is under way in each worker decides how many retries there may
// be, and the gauges show it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { type BudgetEnvoy, connectionsByWorker, startBudgetEnvoy } from "./budget-envoy.js";

const HELD = 20;

let upstream: Upstream;
let budget: BudgetEnvoy;
/** Answers the requests that are held. */
let release: () => void;
let held: Promise<UpstreamResponse>;
let failure: () => Promise<UpstreamResponse>;

beforeAll(async () => {
  hold();
  upstream = await startUpstream({
    respond: ({ path, header }) => {
      if (path === "/held") return held;
      return header("x-envoy-attempt-count") === "1" ? failure() : { status: 200, delayMs: 300 };
    },
  });
  const concurrency = { percentage: 20, minRetryConcurrency: 0 };
  budget = await startBudgetEnvoy({
    upstreams: { upstream },
    configuration: { budgets: [{ name: "active", concurrency }] },
  });
});

afterAll(async () => {
  release?.();
  await budget?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

function hold(): void {
  held = new Promise((resolve) => {
    release = () => resolve({ status: 200 });
  });
}

/** First attempts fail together, once there are that many. */
function failTogether(count: number): void {
  let arrived = 0;
  let failAll: (response: UpstreamResponse) => void;
  const failed = new Promise<UpstreamResponse>((resolve) => {
    failAll = resolve;
  });
  failure = () => {
    if (++arrived === count) failAll({ status: 503 });
    return failed;
  };
}

const shown = async () =>
  Object.entries(await budget.gauges())
    .filter(([name]) => name.startsWith("vm_requests;"))
    .map(([, value]) => value);
const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0);

test("requests of both workers are under way, and a fifth of them may be retries", async () => {
  for (let round = 0; round < 3; round++) {
    hold();
    const before = upstream.requests.length;
    const waiting = Array.from({ length: HELD }, () => send(budget.envoy.url, { path: "/held" }));
    await expect.poll(() => upstream.requests.length - before).toBe(HELD);
    await expect.poll(async () => sum(await shown())).toBe(HELD);
    failTogether(10);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(budget.envoy.url)));
    const retried = answers.filter(({ status }) => status === 200).length;
    // A fifth of 29 when the first fails, and of 20 and a retry or more when the last does.
    expect(retried).toBeGreaterThanOrEqual(4);
    expect(retried).toBeLessThanOrEqual(5);
    await expect
      .poll(() => budget.gauges())
      .toMatchObject({ "active_requests;rule=active": HELD, "active_retries;rule=active": 0 });
    release();
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    await expect.poll(shown).toEqual([0, 0]);
    await expect.poll(async () => (await budget.gauges())["active_requests;rule=active"]).toBe(0);
  }
  expect(await connectionsByWorker(budget.envoy)).not.toContain(0);
  await budget.expectAlive();
});
