// What four workers admit together, by what Envoy logs about each request.

import { expect } from "vitest";
import type { AccessLogEntry } from "../../../kit/envoy/access-log.js";
import { runLoad } from "../../support/load.js";
import { type LimitEnvoy, startLimitEnvoy } from "./limit-envoy.js";

const WORKERS = 4;

export function startExactEnvoy(): Promise<LimitEnvoy> {
  return startLimitEnvoy({
    workers: WORKERS,
    accessLog: {
      status: "%RESPONSE_CODE%",
      path: "%REQ(:PATH)%",
      startSeconds: "%START_TIME(%s.%9f)%",
      toUpstreamMicros: "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
    },
  });
}

/**
 * The interval in which a request was admitted: not before the first value and not after the
 * second, in seconds.
 */
interface Admission {
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Envoy logs when a request began and when its first byte went to the upstream. The filter admitted
 * the request in between. So a window is compared with the requests that were certainly admitted
 * within it, and needs no allowance for the way from Envoy to a clock outside.
 */
export function admissionsOf(log: readonly AccessLogEntry[]): Admission[] {
  return log
    .filter((entry) => entry.status === 200)
    .map(({ startSeconds, toUpstreamMicros }) => {
      const notBefore = Number(startSeconds);
      return { notBefore, notAfter: notBefore + Number(toUpstreamMicros) / 1e6 };
    });
}

/**
 * By how many requests the fullest window exceeded `limit * w + burst`; below 0 if no window
 * exceeded it.
 */
export function worstWindow(admissions: readonly Admission[], limit: number, burst: number): number {
  // Envoy takes a request's start from the system clock, which may be slewed against the steady
  // clock by 0.05 %. Both are in microseconds.
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
async function connectionsOfWorkers(limited: LimitEnvoy): Promise<number[]> {
  const stats = await limited.envoy.admin.stats("\\.worker_\\d+\\.downstream_cx_total$");
  return [...stats].filter(([name]) => name.startsWith("listener.127")).map(([, count]) => count);
}

/**
 * Offers ten times the limit for the given time, over all workers. What is admitted must be within
 * 1 % of limit × time + burst, and no window may have more.
 */
export async function expectSteady(
  limited: LimitEnvoy,
  protocol: "http1" | "http2",
  forMs: number,
  leases: { readonly lease?: true; readonly burst?: number } = {},
): Promise<void> {
  // Small enough that a busy machine with two cores offers ten times as much.
  const [limit, { burst = 50 }] = [50, leases];
  const rule = `steady-${protocol}${leases.lease ? "-leased" : ""}`;
  const path = `/${rule}`;
  await limited.rules({ name: rule, local: { limit, unit: "second", ...leases, burst } });
  const before = await connectionsOfWorkers(limited);
  const logged = (await limited.envoy.accessLog()).length;
  const load = await runLoad({ port: limited.envoy.port, protocol, path, forMs: forMs });
  const after = await connectionsOfWorkers(limited);
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
}
