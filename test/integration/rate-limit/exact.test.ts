// rate-limit's promise in numbers: four workers admit what one bucket would, to the request,
// whatever the contention.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { AccessLogEntry } from "../../../kit/envoy/access-log.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { runLoad } from "../../support/load.js";
import { type LimitEnvoy, startLimitEnvoy } from "./limit-envoy.js";

const WORKERS = 4;
const LOAD_MS = 10_000;
const TEST_MS = 120_000;
const PROTOCOLS = ["http1", "http2"] as const;

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startLimitEnvoy({
    workers: WORKERS,
    accessLog: {
      status: "%RESPONSE_CODE%",
      path: "%REQ(:PATH)%",
      startSeconds: "%START_TIME(%s.%9f)%",
      toUpstreamMicros: "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
    },
  });
});

afterAll(() => limited?.[Symbol.asyncDispose]());

/** When a request was admitted: not before the one, not after the other, in seconds. */
interface Admission {
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Envoy says when a request began and when its first byte went to the upstream; the filter admitted
 * it in between. So a window is held to what was surely admitted within it, and needs no slack for
 * the way from Envoy to a clock outside.
 */
function admissionsOf(log: readonly AccessLogEntry[]): Admission[] {
  return log
    .filter((entry) => entry.status === 200)
    .map(({ startSeconds, toUpstreamMicros }) => {
      const notBefore = Number(startSeconds);
      return { notBefore, notAfter: notBefore + Number(toUpstreamMicros) / 1e6 };
    });
}

/**
 * How many requests more than `limit * w + burst` were admitted in the window where they were the
 * most; below 0 none were.
 */
function worstWindow(admissions: readonly Admission[], limit: number, burst: number): number {
  // Envoy's start is of the system clock, which may be slewed against the steady one by 0.05 %, and
  // both are in microseconds.
  const allowed = (seconds: number) => limit * (seconds * 1.0005 + 2e-6) + burst;
  const byEnd = [...admissions].sort((a, b) => a.notAfter - b.notAfter);
  let worst = Number.NEGATIVE_INFINITY;
  for (const { notBefore: begin } of admissions) {
    let within = 0;
    for (const { notBefore, notAfter } of byEnd) {
      if (notBefore < begin) continue;
      within++;
      worst = Math.max(worst, within - allowed(notAfter - begin));
    }
  }
  return worst;
}

/** From the first request that Envoy saw to the last, in seconds. */
function offeredSeconds(log: readonly AccessLogEntry[]): number {
  const starts = log.map((entry) => Number(entry.startSeconds)).sort((a, b) => a - b);
  return (starts.at(-1) ?? 0) - (starts[0] ?? 0);
}

/** How many connections each worker had so far. */
async function connectionsOfWorkers(): Promise<number[]> {
  const stats = await limited.envoy.admin.stats("\\.worker_\\d+\\.downstream_cx_total$");
  return [...stats].filter(([name]) => name.startsWith("listener.127")).map(([, count]) => count);
}

test.each(PROTOCOLS)(
  "ten times the limit for ten seconds over four workers, %s: within 1 % of limit x time + burst, and no window has more",
  async (protocol) => {
    showLogsOnFailure(limited.envoy);
    const [limit, burst, path] = [100, 50, `/steady-${protocol}`];
    const rule = `steady-${protocol}`;
    await limited.rules({ name: rule, local: { limit, burst, unit: "second" } });
    const before = await connectionsOfWorkers();
    const logged = (await limited.envoy.accessLog()).length;
    const load = await runLoad({ port: limited.envoy.port, protocol, path, forMs: LOAD_MS });
    const after = await connectionsOfWorkers();
    const entries = await limited.envoy.accessLog(logged + load.answers.length);
    const log = entries.filter((entry) => entry.path === path);
    const seconds = offeredSeconds(log);
    expect(log.length).toBe(load.answers.length);
    const { 200: admitted = 0, 429: refused = 0, ...others } = load.statuses;
    expect(others).toEqual({});
    expect(load.answers.length).toBeGreaterThanOrEqual(10 * limit * seconds);

    expect(after.length).toBe(WORKERS);
    expect(after.filter((count, i) => count > (before[i] ?? 0)).length).toBe(WORKERS);

    const expected = limit * seconds + burst;
    expect(Math.abs(admitted - expected)).toBeLessThanOrEqual(expected / 100);
    expect(await limited.outcomes(rule)).toEqual({ allowed: admitted, limited: refused });

    const admissions = admissionsOf(log);
    expect(admissions.length).toBe(admitted);
    expect(worstWindow(admissions, limit, burst)).toBeLessThanOrEqual(0);
  },
  TEST_MS,
);

test.each(PROTOCOLS)(
  "one key, four workers, as fast as they can, %s: the burst is admitted to the last request, and not one more",
  async (protocol) => {
    showLogsOnFailure(limited.envoy);
    // An hour's limit gives back less than one request in the time of the test.
    const [limit, rule] = [900, `rush-${protocol}`];
    await limited.rules({ name: rule, key: [{ header: "x-key" }], local: { limit, unit: "hour" } });
    const load = await runLoad({
      port: limited.envoy.port,
      protocol,
      connections: 128,
      headers: [["x-key", "same"]],
      forMs: 3000,
    });
    const refilled = Math.floor((limit / 3600) * (load.durationMs / 1000));
    const { 200: admitted = 0, 429: refused = 0, ...others } = load.statuses;
    expect(others).toEqual({});
    expect(refused).toBeGreaterThan(0);
    expect(admitted).toBeGreaterThanOrEqual(limit);
    expect(admitted).toBeLessThanOrEqual(limit + refilled);
    expect(await limited.outcomes(rule)).toEqual({ allowed: admitted, limited: refused });
  },
  TEST_MS,
);

test(
  "two thousand a second, one at a time, four workers: no window has more",
  async () => {
    showLogsOnFailure(limited.envoy);
    const [limit, path] = [2000, "/single"];
    await limited.rules({ name: "single", local: { limit, burst: 1, unit: "second" } });
    const logged = (await limited.envoy.accessLog()).length;
    const load = await runLoad({ port: limited.envoy.port, path, forMs: 3000 });
    const entries = await limited.envoy.accessLog(logged + load.answers.length);
    const admissions = admissionsOf(entries.filter((entry) => entry.path === path));
    expect(admissions.length).toBe(load.statuses[200]);
    expect(worstWindow(admissions, limit, 1)).toBeLessThanOrEqual(0);
  },
  TEST_MS,
);

test(
  "twenty keys at once, four workers: each gets its own, to the request",
  async () => {
    showLogsOnFailure(limited.envoy);
    const [limit, keys] = [60, 20];
    await limited.rules({ name: "twenty", key: [{ header: "x-key" }], local: { limit, unit: "hour" } });
    const load = await runLoad({
      port: limited.envoy.port,
      headers: [["x-key", "key-{n}"]],
      numbers: keys,
      requests: 4 * limit * keys,
      forMs: LOAD_MS,
    });
    const admitted = Array.from({ length: keys }, () => 0);
    for (const { status, number } of load.answers) {
      if (status === 200) admitted[number] = (admitted[number] ?? 0) + 1;
    }
    const refilled = Math.floor((limit / 3600) * (load.durationMs / 1000));
    expect(load.answers.length).toBe(4 * limit * keys);
    expect(Math.min(...admitted)).toBeGreaterThanOrEqual(limit);
    expect(Math.max(...admitted)).toBeLessThanOrEqual(limit + refilled);
  },
  TEST_MS,
);
