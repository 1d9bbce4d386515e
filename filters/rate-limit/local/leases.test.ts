// `lease`: what several workers let pass that hold parts of a limit, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import { loadModule } from "../../../kit/host/load.js";
import { Random } from "../../../test/agreement/random.js";
import {
  buildRateLimit,
  decisions,
  header,
  limitedProxy,
  PER_USER,
  passing,
} from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

const WORKERS = 4;
const LIMIT = 4000;

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const leased = (fields: object = {}): RateLimitConfig => ({
  rules: [{ name: "r", key: PER_USER, local: { limit: LIMIT, unit: "second", lease: true, ...fields } }],
});
const proxyOf = (config: RateLimitConfig) => limitedProxy(path, config);

describe("with leases", () => {
  test("most requests of a busy key read and write no shared data", () => {
    const module = loadModule(path);
    module.configure(JSON.stringify(leased()));
    const calls = { proxy_get_shared_data: 0, proxy_set_shared_data: 0 };
    for (let i = 0; i < 1000; i++) {
      const { hostCalls } = module.exchange([
        [":method", "GET"],
        [":path", "/"],
        [":authority", "shop.test"],
        ["x-user", "ann"],
      ]);
      calls.proxy_get_shared_data += hostCalls.get("proxy_get_shared_data") ?? 0;
      calls.proxy_set_shared_data += hostCalls.get("proxy_set_shared_data") ?? 0;
    }
    // Of every five requests one takes a lease of four. The first one takes none.
    expect(calls.proxy_set_shared_data).toBe(1 + Math.ceil(999 / 5));
    expect(calls.proxy_get_shared_data).toBe(1);
  });

  test("the burst passes, less at most a thousandth of it for each other worker", () => {
    const proxy = proxyOf(leased());
    const passed = passing(proxy, 2 * LIMIT, [["x-user", "ann"]]);
    expect(passed).toBeLessThanOrEqual(LIMIT);
    expect(passed).toBeGreaterThanOrEqual(LIMIT - (WORKERS - 1) * (LIMIT / 1000));
    expect(decisions(proxy, "r")).toEqual({ allowed: passed, limited: 2 * LIMIT - passed });
  });

  test("no window has more than the limit, at any load and with pauses in it", () => {
    const random = new Random(7);
    for (const [burst, perStep] of [
      [2000, 20],
      [2000, 5],
      [LIMIT, 10],
    ] as const) {
      const proxy = proxyOf(leased({ burst }));
      // How many requests passed in each millisecond.
      const passed: number[] = [];
      for (let ms = 0; ms < 400; ms++) {
        const pause = random.below(100) === 0 ? random.below(300) : 0;
        for (let i = 0; i <= pause; i++) passed.push(0);
        proxy.advance(1 + pause);
        passed[passed.length - 1] = passing(proxy, random.below(2 * perStep), [["x-user", "ann"]]);
      }
      expect(worst(passed, LIMIT / 1000, burst)).toBeLessThanOrEqual(0);
    }
  });

  test("ten times the limit: within 1 % under it", () => {
    const proxy = proxyOf(leased({ burst: 2000 }));
    let passed = 0;
    for (let ms = 0; ms < 250; ms++) {
      proxy.advance(1);
      passed += passing(proxy, (10 * LIMIT) / 1000, [["x-user", "ann"]]);
    }
    const exact = LIMIT / 4 + 2000;
    expect(passed).toBeLessThanOrEqual(exact);
    expect(passed).toBeGreaterThanOrEqual(0.99 * exact);
  });

  test("what an idle worker holds comes back as the limit refills", () => {
    const proxy = proxyOf(leased({ burst: 2000 }));
    passing(proxy, 400, [["x-user", "ann"]]);
    proxy.advance(1000);
    const passed = passing(proxy, 2500, [["x-user", "ann"]]);
    expect(passed).toBeLessThanOrEqual(2000);
    expect(passed).toBeGreaterThanOrEqual(2000 - (WORKERS - 1) * 2);
  });

  test("a key to which few requests come is held by no worker: each counts exactly", () => {
    const proxy = proxyOf({ ...leased({ burst: 2000 }), headers: "x-ratelimit" });
    for (let i = 0; i < 50; i++) {
      // After this long, what was taken before has come back.
      proxy.advance(1000);
      expect(header(proxy, "x-ratelimit-remaining", [["x-user", "ann"]])).toEqual(["1999"]);
    }
  });

  test("more keys than a worker keeps leases of get no more than their limit", () => {
    const proxy = proxyOf({
      rules: [{ name: "r", key: PER_USER, local: { limit: 2000, unit: "hour", keys: 5000, lease: true } }],
    });
    const passed = Array.from({ length: 3 }, () => 0);
    for (let i = 0; i < 2100; i++) {
      for (let user = 0; user < passed.length; user++) {
        const { response } = proxy.request({ headers: [["x-user", `u${user}`]] });
        if (response?.status === 200) passed[user] = (passed[user] ?? 0) + 1;
      }
      if (i % 10 === 0) proxy.request({ headers: [["x-user", `other-${i}`]] });
    }
    expect(Math.max(...passed)).toBeLessThanOrEqual(2000);
    expect(Math.min(...passed)).toBeGreaterThanOrEqual(0.99 * 2000);
  });

  test("a cost above what is left of a lease is taken from the others' too, and never over the limit", () => {
    const proxy = proxyOf({
      rules: [{ name: "r", cost: { header: "x-cost" }, local: { limit: 20_000, unit: "hour", lease: true } }],
    });
    const random = new Random(3);
    let taken = 0;
    for (let i = 0; i < 2500; i++) {
      const cost = random.below(40);
      const { response } = proxy.request({ headers: [["x-cost", `${cost}`]] });
      if (response?.status === 200) taken += cost;
    }
    expect(taken).toBeLessThanOrEqual(20_000);
    expect(taken).toBeGreaterThan(0.5 * 20_000);
  });
});

/**
 * By how much the fullest window has more than `rate * w + burst`; a window is whole milliseconds.
 */
function worst(passed: readonly number[], rate: number, burst: number): number {
  // The window that ends here and has the most above its refill: Kadane's sum. Requests of one
  // millisecond come at one moment, so a window of n of them is n - 1 long.
  let best = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const count of passed) {
    sum = Math.max(sum - rate, 0) + count;
    best = Math.max(best, sum - burst);
  }
  return best;
}
