// circuit-breaker's bound on false trips, on ten thousand traces at the tolerated share.

import { beforeAll, expect, test } from "vitest";
import { loadTrips, type RunRule } from "./trips.js";

const RUNS = 10_000;
/** Failures in the share that evidence tolerates. */
const TOLERATED = { failing: 0.05, perSecond: 100 };
/** The same, and from the past it is known. */
const KNOWN = { ...TOLERATED, past: { requests: 4000, failing: 0.05 } };

let run: RunRule;

beforeAll(async () => {
  run = await loadTrips();
}, 120_000);

/** What so many runs may show where the chance of each is at most this: four deviations more. */
const atMost = (chance: number) => RUNS * chance + 4 * Math.sqrt(RUNS * chance);

test.each([
  ["evidence", 1_000_000, 1000],
  ["evidence", 1_000_000, 10_000],
  ["evidence, 1 in 1,000", 1000, 10],
  ["evidence, 1 in 1,000", 1000, 100],
  ["learned", 1_000_000, 1000],
  ["learned, 1 in 1,000", 1000, 10],
  ["learned, 1 in 1,000", 1000, 100],
] as const)(
  "%s: of n requests, the chance of a false trip is at most n / %d, for n = %d",
  (rule, bound, n) => {
    const { trips } = run(rule, rule.startsWith("learned") ? KNOWN : TOLERATED, RUNS, n);
    expect(trips).toBeLessThanOrEqual(atMost(n / bound));
  },
  300_000,
);

test("evidence, 1 in 1,000: it takes at least 1,000 requests in the mean, and at less failures longer", () => {
  const most = 1_000_000;
  const at = (failing: number) => {
    const { requests, trips } = run("evidence, 1 in 1,000", { failing, perSecond: 100 }, RUNS / 20, most);
    return requests / Math.max(1, trips);
  };
  const tolerated = at(0.05);
  expect(tolerated).toBeGreaterThan(1000);
  expect(at(0.04)).toBeGreaterThan(tolerated);
}, 300_000);

test("the other rules have no such bound: a service that always fails 30 % trips them", () => {
  const steady = { failing: 0.3, perSecond: 2 };
  expect(run("consecutive", steady, RUNS / 10, 10_000).tripped).toBe(1);
  expect(run("rate", steady, RUNS / 10, 10_000).tripped).toBe(1);
}, 300_000);
