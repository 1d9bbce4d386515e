// The length of fault-injection's delays in stock Envoy, by Envoy's own clock: from the first byte
// of a request to the first byte that the upstream gets.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { runLoad } from "../../support/load.js";
import { EARLY_MS, type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

type Delay = NonNullable<FaultRule["delay"]>;

const REQUESTS = 400;
/** What a busy machine may add to a delay, in milliseconds. */
const LATE = 12;

let fault: FaultEnvoy;

beforeAll(async () => {
  fault = await startFaultEnvoy();
});

afterAll(() => fault?.[Symbol.asyncDispose]());

beforeEach(() => showLogsOnFailure(fault.envoy));

let series = 0;

const CONTROL_MS = 20;
/** How often a measurement is made again because the machine was too busy for it. */
const REPEATS = 6;

/**
 * How long the delay held the given number of requests, the shortest first. Fixed delays at the
 * same time show how late the machine is. When it is late it says nothing about the filter, so the
 * measurement is made again.
 */
async function held(delay: Delay, requests: number): Promise<readonly number[]> {
  for (let repeat = 1; ; repeat++) {
    const { delays, control } = await heldBeside(delay, requests);
    const late = at(control, 0.9) - CONTROL_MS;
    if (late <= LATE / 3 || repeat === REPEATS) return delays;
  }
}

async function heldBeside(delay: Delay, requests: number) {
  const name = `delay-${++series}`;
  const controlName = `control-${series}`;
  await fault.rules(
    { name: controlName, match: { path: { exact: `/${controlName}` } }, delay: { fixed: `${CONTROL_MS}ms` } },
    { name, delay },
  );
  const load = { port: fault.envoy.port, forMs: 20_000 };
  const controls = Math.ceil(requests / 5);
  const [{ statuses }] = await Promise.all([
    runLoad({ ...load, path: `/${name}`, connections: 20, requests }),
    runLoad({ ...load, path: `/${controlName}`, connections: 2, requests: controls }),
  ]);
  expect(statuses).toEqual({ 200: requests });
  expect(await fault.outcomes(name)).toEqual({ delayed: requests });
  expect(await fault.active(name)).toBe(0);
  return {
    delays: await fault.heldMs(`/${name}`, requests),
    control: await fault.heldMs(`/${controlName}`, controls),
  };
}

const at = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

function expectBetween(value: number, least: number, most: number): void {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
}

test("the median of 500 fixed delays is within 2 ms of what was asked", async () => {
  const delays = await held({ fixed: "50ms" }, 500);
  expect(delays).toHaveLength(500);
  expect(delays[0]).toBeGreaterThanOrEqual(50 - EARLY_MS);
  expectBetween(at(delays, 0.5), 48, 52);
});

// The bounds are six standard deviations of each figure, plus `LATE` above. A correct filter fails
// them about once in half a billion runs.
describe("a distribution", () => {
  test("uniform has all lengths between its ends equally often", async () => {
    const delays = await held({ uniform: { min: "10ms", max: "50ms" } }, REQUESTS);
    expectBetween(delays[0] ?? 0, 10 - EARLY_MS, 15);
    expectBetween(at(delays, 0.5), 24, 36 + LATE);
    expectBetween(at(delays, 0.25), 14, 26 + LATE);
    expectBetween(at(delays, 0.95), 44, 50 + LATE);
  });

  test("normal has its mean and deviation", async () => {
    const delays = await held({ normal: { mean: "40ms", deviation: "8ms" } }, REQUESTS);
    expectBetween(at(delays, 0.5), 35, 43 + LATE);
    // One standard deviation to each side of the mean.
    expectBetween(at(delays, 0.159), 28, 36 + LATE);
    expectBetween(at(delays, 0.841), 44, 52 + LATE);
  });

  test("normal below zero is no delay", async () => {
    const delays = await held({ normal: { mean: "0ms", deviation: "20ms" } }, REQUESTS);
    const atOnce = delays.filter((ms) => ms < 1.5).length;
    expectBetween(atOnce, REQUESTS * 0.2, REQUESTS * 0.68);
    expectBetween(at(delays, 0.841), 14, 26 + LATE);
  });

  test("exponential has many short and few long delays", async () => {
    const delays = await held({ exponential: { mean: "30ms" } }, REQUESTS);
    expectBetween(at(delays, 0.5), 12, 30 + LATE);
    expectBetween(at(delays, 0.9), 50, 97 + LATE);
  });

  test("log-normal has its median and a long tail", async () => {
    const delays = await held({ logNormal: { median: "20ms", sigma: 0.8 } }, REQUESTS);
    expectBetween(at(delays, 0.5), 14.5, 27 + LATE);
    // The median times e^(0.8 · 1.2816).
    expectBetween(at(delays, 0.9), 37, 84 + LATE);
  });

  test("a table of percentiles is met at each of them", async () => {
    const percentiles = [
      { percentile: 0, delay: "10ms" },
      { percentile: 50, delay: "20ms" },
      { percentile: 90, delay: "40ms" },
      { percentile: 100, delay: "100ms" },
    ];
    const delays = await held({ percentiles }, REQUESTS);
    expect(delays[0]).toBeGreaterThanOrEqual(10 - EARLY_MS);
    expectBetween(at(delays, 0.5), 16.5, 28 + LATE);
    expectBetween(at(delays, 0.25), 12, 18 + LATE);
    expectBetween(at(delays, 0.9), 34, 95 + LATE);
    expectBetween(at(delays, 0.95), 45, 100 + LATE);
  });

  test("is limited by its maximum", async () => {
    const delays = await held({ exponential: { mean: "10s" }, max: "30ms" }, REQUESTS);
    expectBetween(at(delays, 0.5), 30 - EARLY_MS, 30 + LATE);
    // Without it a hundredth would be longer than 46 seconds.
    expectBetween(at(delays, 0.99), 30 - EARLY_MS, 1000);
  });
});

test("a delay of zero lets the request pass, and counts", async () => {
  expect(at(await held({ fixed: "0ms" }, 50), 0.5)).toBeLessThan(LATE);
});

test("the lengths of each rule's delays are a histogram", async () => {
  await held({ fixed: "25ms" }, 20);
  const whole = new RegExp(
    `^meshwright_fault_injection_delay_ms_count\\{[^}]*rule="delay-${series}"[^}]*\\} 20$`,
    "m",
  );
  // Envoy gathers histograms from its workers every five seconds.
  await expect.poll(() => fault.envoy.admin.prometheus(), { interval: 200 }).toMatch(whole);
  await fault.expectAlive();
});
