// retry-budget in stock Envoy under load: how many retries two workers make together, by the counts
// of the upstream, the router and the filter.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { amount } from "../../support/amount.js";
import { type LoadOptions, type LoadResult, runLoad } from "../../support/load.js";
import {
  type BudgetEnvoy,
  connectionsByWorker,
  type LoadUpstream,
  RETRIES,
  startBudgetEnvoy,
  startLoadUpstream,
  withoutMark,
} from "./budget-envoy.js";

/**
 * What the client gets when there was no response, so that it can be told from the upstream's own
 * 503.
 */
const SPENT = 529;
const TTL_SECONDS = 10;
const MIN_PER_SECOND = 10;

let upstream: LoadUpstream;
/** Fails one request in a hundred, once. */
let flaky: LoadUpstream;
let slow: LoadUpstream;
let broken: LoadUpstream;
let budget: BudgetEnvoy;

beforeAll(async () => {
  upstream = await startLoadUpstream({ fails: ({ path }) => path !== "/good" });
  flaky = await startLoadUpstream({
    fails: ({ path, attempt }) => attempt === 1 && Number(path.slice(1)) % 100 === 99,
  });
  slow = await startLoadUpstream({ delayMs: 20 });
  broken = await startLoadUpstream({ resets: true });
  budget = await startBudgetEnvoy({
    upstreams: { upstream, flaky, slow, broken },
    configuration: { answer: { status: SPENT } },
    filters: [withoutMark()],
  });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  for (const server of [upstream, flaky, slow, broken]) await server?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(budget.envoy));

/** 2,000 requests a second, each of which may wait for three retries. */
const HEAVY = { rate: 2000, protocol: "http2", connections: 32, streams: 16 } as const;

const load = (options: Omit<LoadOptions, "port">): Promise<LoadResult> =>
  runLoad({ port: budget.envoy.port, ...options });

describe("an upstream that fails, with a route of three retries", () => {
  beforeEach(() => upstream.reset());

  test("gets 2,000 requests a second: attempts stay within 1.2 a request and the minimum, over both workers", async () => {
    await budget.configure({ answer: { status: SPENT }, budgets: [{ name: "proof" }] });
    const before = await budget.decisions();
    const retriesBefore = await budget.routerRetries("upstream");
    const [{ statuses, durationMs }, samples] = await Promise.all([
      load({ ...HEAVY, forMs: amount(5000, 1500) }),
      sampleAnswers(20),
    ]);

    const requests = upstream.attempts(1);
    const retries = upstream.retries();
    const { 503: own = 0, [SPENT]: local = 0 } = statuses;
    expect(own + local).toBe(requests - samples.length);
    // So many that what the minimum adds is little, also on a slow machine.
    expect(requests).toBeGreaterThan(5 * MIN_PER_SECOND * TTL_SECONDS);
    // The minimum is for a window; a longer run earns another.
    const reserve = MIN_PER_SECOND * TTL_SECONDS * Math.ceil(durationMs / 1000 / TTL_SECONDS);
    expect(retries).toBeLessThanOrEqual(0.2 * requests + reserve);
    // The budget must also be used.
    expect(retries).toBeGreaterThan(0.9 * 0.2 * requests);

    const decisions = await budget.decisionsSince(before);
    expect(decisions["proof retried"]).toBe(retries);
    expect((await budget.routerRetries("upstream")) - retriesBefore).toBe(retries + local);
    // A request that was not retried to the end was refused a retry.
    expect(decisions["proof exceeded"]).toBeGreaterThanOrEqual(requests - upstream.attempts(RETRIES + 1));
    for (const worker of await connectionsByWorker(budget.envoy)) expect(worker).toBeGreaterThan(0);
    for (const { status, body, header } of samples) {
      if (status !== SPENT) expect([status, header("x-own"), body]).toEqual([503, "own", "own failure"]);
      expect(header("x-envoy-ratelimited")).toBeUndefined();
    }
    expect(samples.some(({ status }) => status === 503)).toBe(true);
    await budget.expectAlive();
  });

  test("gets four attempts of every request without the filter", async () => {
    await using bare = await startBudgetEnvoy({ upstreams: { upstream } });
    const { statuses } = await runLoad({ port: bare.envoy.port, ...HEAVY, forMs: amount(2000, 400) });
    const requests = upstream.attempts(1);
    expect(statuses).toEqual({ 503: requests });
    expect(upstream.retries()).toBe(RETRIES * requests);
    expect(await bare.routerRetries("upstream")).toBe(RETRIES * requests);
  });

  test("gets no more than the share when there is no minimum, whatever the contention of the workers", async () => {
    const ratio = { percentage: 20, ttl: "10s", minRetriesPerSecond: 0 };
    await budget.configure({ answer: { status: SPENT }, budgets: [{ name: "exact", ratio }] });
    const before = await budget.decisions();
    await load({ forMs: amount(3000, 1000), connections: 64 });
    const requests = upstream.attempts(1);
    expect(requests).toBeGreaterThan(500);
    expect(upstream.retries()).toBeLessThanOrEqual(0.2 * requests + 1);
    expect(upstream.retries()).toBeGreaterThan(0.9 * 0.2 * requests);
    expect((await budget.decisionsSince(before))["exact retried"]).toBe(upstream.retries());
  });

  test("gets no more than the share within every window, also after many good requests", async () => {
    const ratio = { percentage: 20, ttl: "1s", minRetriesPerSecond: 0 };
    await budget.configure({ answer: { status: SPENT }, budgets: [{ name: "sliding", ratio }] });
    await load({ rate: 1000, forMs: amount(2000, 1000), path: "/good" });
    await load({ rate: 100, forMs: amount(3000, 2000) });
    const { requests, retries } = upstream.times();
    // The window moves in tenths. What the filter has written reaches the upstream a little later.
    const [shortest, longest, late] = [900, 1000, 100];
    const over = retries.filter((end) => {
      const made = between(retries, end - shortest + late, end);
      return made > 0.2 * between(requests, end - longest - late, end) + 1;
    });
    expect(over).toEqual([]);
    expect(retries.length).toBeGreaterThan(50);
  });

  test("gets no retry with a share of 0", async () => {
    const ratio = { percentage: 0, minRetriesPerSecond: 0 };
    await budget.configure({ budgets: [{ name: "nothing", ratio }] });
    const before = await budget.decisions();
    const { statuses } = await load({ requests: 200, forMs: 10_000, rate: 500 });
    expect(statuses).toEqual({ 503: 200 });
    expect([upstream.attempts(1), upstream.retries()]).toEqual([200, 0]);
    expect(await budget.decisionsSince(before)).toEqual({ "nothing exceeded": 200 });
  });
});

test("when connections break the budget is kept too, and the filter answers the next attempt", async () => {
  await budget.configure({ answer: { status: SPENT }, budgets: [{ name: "broken" }] });
  const before = await budget.decisions();
  const headers = [["x-mesh-destination", "broken"]] as const;
  const { statuses } = await load({ ...HEAVY, rate: 500, forMs: amount(4000, 2500), headers });
  const requests = broken.attempts(1);
  const retries = broken.retries();
  // Requests that were retried to the end have Envoy's own 503.
  expect(statuses).toEqual({ 503: broken.attempts(RETRIES + 1), [SPENT]: statuses[SPENT] });
  expect(retries).toBeLessThanOrEqual(0.2 * requests + MIN_PER_SECOND * TTL_SECONDS);
  expect(retries).toBeGreaterThan(0.9 * 0.2 * requests);
  expect(await budget.routerRetries("broken")).toBe(retries + (statuses[SPENT] ?? 0));
  expect(await budget.decisionsSince(before)).toEqual({
    "broken retried": retries,
    "broken exceeded": statuses[SPENT],
  });
});

test("when one request in a hundred fails, each of them is retried and every client gets 200", async () => {
  await budget.configure({ budgets: [{ name: "flaky", ratio: { minRetriesPerSecond: 0 } }] });
  const before = await budget.decisions();
  const headers = [["x-mesh-destination", "flaky"]] as const;
  const requests = amount(4000, 1000);
  const { statuses } = await load({ rate: 1000, forMs: 20_000, requests, path: "/{n}", headers });
  expect(statuses).toEqual({ 200: requests });
  expect([flaky.attempts(1), flaky.attempts(2), flaky.attempts(3)]).toEqual([requests, requests / 100, 0]);
  expect(await budget.decisionsSince(before)).toEqual({ "flaky retried": requests / 100 });
});

describe("retries in progress", () => {
  const headers = [["x-mesh-destination", "slow"]] as const;

  test.each([
    ["a share of the requests", { percentage: 20, minRetryConcurrency: 3 }, 40, 8],
    ["the minimum when the share is less", { percentage: 20, minRetryConcurrency: 3 }, 6, 3],
    ["none when both are 0", { percentage: 0, minRetryConcurrency: 0 }, 20, 0],
  ])("are at most %s", async (what, concurrency, connections, most) => {
    const name = what.replaceAll(" ", "-");
    await budget.configure({ answer: { status: SPENT }, budgets: [{ name, concurrency }] });
    slow.reset();
    const before = await budget.decisions();
    await load({ forMs: amount(3000, 700), connections, headers });
    expect(slow.mostRetriesAtOnce()).toBeLessThanOrEqual(most);
    // A load that never asks for more than there is would show nothing.
    if (most > 0) expect(slow.mostRetriesAtOnce()).toBeGreaterThanOrEqual(Math.min(3, most));
    const decisions = await budget.decisionsSince(before);
    expect(decisions[`${name} retried`] ?? 0).toBe(slow.retries());
    expect(decisions[`${name} exceeded`]).toBeGreaterThan(0);
    // What was lent is returned: the same number is available for the next load.
    await load({ forMs: amount(500, 300), connections, headers });
    expect(slow.mostRetriesAtOnce()).toBeLessThanOrEqual(most);
    if (most > 0) expect(slow.retries()).toBeGreaterThan(decisions[`${name} retried`] ?? 0);
  });
});

/** How many of the times, in ascending order, are after `start` and not after `end`. */
function between(times: readonly number[], start: number, end: number): number {
  return times.filter((time) => time > start && time <= end).length;
}

/** Answers to single requests, one after the other, while a load runs. */
async function sampleAnswers(count: number) {
  const answers = [];
  for (let i = 0; i < count; i++) answers.push(await send(budget.envoy.url));
  return answers;
}
