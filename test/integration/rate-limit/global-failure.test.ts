// rate-limit in stock Envoy without an answer from the rate limit service, whatever the reason:
// each failure mode decides, and no request is lost.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeVerdict } from "../../support/rate-limit-messages.js";
import type { LimitReply } from "../../support/rate-limit-service.js";
import { allow } from "../../support/rate-limit-service.js";
import {
  DEAD,
  GlobalLimitBench,
  globalConfig,
  perUser,
  type Rule,
  type Service,
  user,
} from "./global-limit-envoy.js";

/** Long enough for an answer that is sent at once, on a busy machine. */
const TIMEOUT = "2s";
const SHORT = "50ms";
const UNAVAILABLE = 14;

const bench = new GlobalLimitBench("failure");

/** The VM survives whatever a service does. */
afterEach(async () => {
  const reloads = [...(await bench.limited.envoy.admin.stats("vm_reload$")).values()];
  expect(reloads.length).toBeGreaterThan(0);
  expect(reloads.every((count) => count === 0)).toBe(true);
});

/** Like `only` of the bench, with a timeout that is kept on a busy machine. */
const only = (service: Partial<Service>, rule: Partial<Rule> = {}) =>
  bench.only(rule, { timeout: TIMEOUT, ...service });

interface Failure {
  readonly reply?: LimitReply;
  readonly service?: Partial<Service>;
}

const verdict = (statuses: number) =>
  encodeVerdict({ statuses: Array.from({ length: statuses }, () => ({ over: true })) });

/** Each has an answer that would refuse, if it were valid. */
const FAILURES: Readonly<Record<string, Failure>> = {
  "is not in Envoy's configuration": { service: { cluster: "nowhere" } },
  "refuses connections": { service: { cluster: DEAD } },
  "does not answer in time": { reply: { fault: "never" }, service: { timeout: SHORT } },
  "answers too late": { reply: { delayMs: 200, statuses: [{ over: true }] }, service: { timeout: SHORT } },
  "says that it is unavailable": { reply: { status: UNAVAILABLE } },
  "ends without an error and without an answer": { reply: { status: 0 } },
  "breaks the call off": { reply: { fault: "reset" } },
  "breaks off within its answer": { reply: { fault: "reset-in-answer" } },
  "answers nothing": { reply: { raw: Buffer.alloc(0) } },
  "answers with something that is not a message": { reply: { raw: Buffer.from("<html>429</html>") } },
  "answers with a cut message": { reply: { raw: verdict(1).subarray(0, -1) } },
  "answers with an unknown code": { reply: { raw: Buffer.from([8, 9]) } },
  "answers with code UNKNOWN": { reply: { raw: Buffer.from([8, 0]) } },
  "answers about more than was asked": { reply: { raw: verdict(2) } },
  "answers a megabyte": { reply: { over: true, body: "x".repeat(1 << 20) } },
  "answers with fields of other types": {
    reply: { raw: Buffer.from([10, 1, 2, 16, 1, 24, 1, 32, 1, 40, 1]) },
  },
};

describe.each(Object.entries(FAILURES))("a service that %s", (_, { reply, service: options = {} }) => {
  beforeEach(() => {
    if (reply !== undefined) bench.service.respond = () => reply;
  });

  test("lets requests pass in failure mode allow, which is the default", async () => {
    const name = await only(options);
    const reached = bench.limited.upstream.requests.length;
    expect(await bench.limited.statuses(6, { headers: user("ann") })).toEqual({ 200: 6 });
    expect(bench.limited.upstream.requests.length - reached).toBe(6);
    expect(await bench.limited.outcomes(name)).toEqual({ "service-failed-allowed": 6 });
  });

  test("has requests refused with 503 in failure mode deny", async () => {
    const name = await only({ failureMode: "deny", ...options });
    const reached = bench.limited.upstream.requests.length;
    expect(await bench.limited.statuses(6, { headers: user("ann") })).toEqual({ 503: 6 });
    expect(bench.limited.upstream.requests).toHaveLength(reached);
    expect(await bench.limited.outcomes(name)).toEqual({ "service-failed-denied": 6 });
    const last = async () => (await bench.limited.envoy.accessLog()).at(-1);
    const denied = { status: 503, details: `rate_limit_service_failed{${name}}` };
    await expect.poll(last).toMatchObject(denied);
  });

  test("leaves the decision to the fallback in failure mode local, exact over the workers", async () => {
    const fallback = { limit: 4, unit: "hour" } as const;
    const name = await only({ failureMode: "local", ...options }, { global: { fallback } });
    expect(await bench.limited.statuses(20, { headers: user("ann") })).toEqual({ 200: 4, 429: 16 });
    expect(await bench.limited.statuses(2, { headers: user("bob") })).toEqual({ 200: 2 });
    const outcomes = await bench.limited.outcomes(name);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(22);
    expect(outcomes["service-failed-local"]).toBeGreaterThan(0);
  });
});

describe("a service that fails", () => {
  test("is not remembered: requests after its return count", async () => {
    await only({ failureMode: "deny" });
    bench.service.respond = () => ({ status: UNAVAILABLE });
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(503);
    bench.service.respond = allow;
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(200);
  });

  test("while connections drop and come back loses no request", async () => {
    const name = await only({ timeout: "500ms" });
    const before = bench.limited.upstream.requests.length;
    const rounds: Promise<Readonly<Record<string, number>>>[] = [];
    for (let round = 0; round < 6; round++) {
      rounds.push(bench.limited.statuses(30, { headers: user(`u${round}`) }));
      await (round % 2 === 0 ? bench.service.stop() : bench.service.start());
    }
    for (const statuses of await Promise.all(rounds)) expect(statuses).toEqual({ 200: 30 });
    expect(bench.limited.upstream.requests.length - before).toBe(180);
    const outcomes = await bench.limited.outcomes(name);
    expect((outcomes.allowed ?? 0) + (outcomes["service-failed-allowed"] ?? 0)).toBe(180);
  });

  test("leaves several rules to their fallbacks, and none takes for a request that another refuses", async () => {
    const [wide, narrow] = [bench.newName(), bench.newName()];
    const of = (name: string, limit: number) =>
      perUser(name, { global: { fallback: { limit, unit: "hour" } } });
    const local = { cluster: DEAD, failureMode: "local" } as const;
    await bench.limited.configure(globalConfig([of(wide, 6), of(narrow, 2)], local));
    const headers = user("cy");
    for (const status of [200, 200, 429, 429, 429]) {
      expect((await bench.limited.send({ headers })).status).toBe(status);
    }
    expect(await bench.limited.outcomes(wide)).toEqual({ "service-failed-local": 2 });
    await bench.limited.configure(globalConfig([of(wide, 6)], local));
    expect(await bench.limited.statuses(6, { headers })).toEqual({ 200: 4, 429: 2 });
  });

  test("has no effect in shadow mode, in any failure mode", async () => {
    bench.service.respond = () => ({ status: UNAVAILABLE });
    for (const failureMode of ["allow", "deny"] as const) {
      const name = await only({ failureMode }, { shadow: true });
      expect(await bench.limited.statuses(3, { headers: user("ann") })).toEqual({ 200: 3 });
      const word = failureMode === "allow" ? "allowed" : "denied";
      expect(await bench.limited.outcomes(name)).toEqual({ [`shadow-service-failed-${word}`]: 3 });
    }
  });
});
