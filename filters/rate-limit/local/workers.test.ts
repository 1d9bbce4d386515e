// What several workers of one proxy let pass, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { HostedProxy } from "../../../kit/host/proxy.js";
import { buildRateLimit, limitedProxy, PER_USER, passing } from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const proxyOf = (config: RateLimitConfig) => limitedProxy(path, config);

describe("over four workers", () => {
  test("the burst passes, and then the limit, in any unit", () => {
    for (const [unit, seconds] of [
      ["second", 1],
      ["minute", 60],
      ["hour", 3600],
      ["day", 86_400],
    ] as const) {
      const proxy = proxyOf({ rules: [{ name: "r", local: { limit: 10, unit, burst: 5 } }] });
      expect(passing(proxy, 50)).toBe(5);
      for (let i = 0; i < 20; i++) {
        proxy.advance(seconds * 100);
        expect(passing(proxy, 3)).toBe(1);
      }
      proxy.advance(seconds * 100_000);
      expect(passing(proxy, 50)).toBe(5);
    }
  });

  test("a clock that does not advance lets nothing more pass", () => {
    const proxy = proxyOf({ rules: [{ name: "r", local: { limit: 7, unit: "second" } }] });
    expect(passing(proxy, 1000)).toBe(7);
  });

  test("a worker that is delayed before it reads the bucket gives back nothing that others have used", () => {
    const config: RateLimitConfig = { rules: [{ name: "r", local: { limit: 10, unit: "second" } }] };
    const proxy = proxyOf(config);
    expect(passing(proxy, 20)).toBe(10);
    proxy.advance(500);
    expect(passing(proxy, 20)).toBe(5);
    const bucket = (of: HostedProxy) =>
      [...of.host.sharedDataOf("rate-limit").entries].filter(([key]) => key.startsWith("rl"));
    expect(bucket(proxy).length).toBe(1);
    // Another worker has read its clock, but not yet the bucket, while all this happens. So the
    // bucket's moment is later than is possible by that worker's clock.
    const held = proxyOf(config);
    expect(passing(held, 20)).toBe(10);
    held.host.intercept = (call) => {
      if (call !== "proxy_get_shared_data") return undefined;
      held.host.intercept = undefined;
      held.advance(500);
      for (const [key, value] of bucket(proxy))
        held.host.sharedDataOf("rate-limit").set(key, Buffer.from(value, "latin1"));
      return undefined;
    };
    expect(passing(held, 1)).toBe(0);
    expect(held.host.intercept).toBeUndefined();
    expect(passing(held, 10)).toBe(0);
    held.advance(100);
    expect(passing(held, 10)).toBe(1);
  });

  test("keys are counted separately, and never get more than their limit in a table that is too small", () => {
    const proxy = proxyOf({
      rules: [{ name: "r", key: PER_USER, local: { limit: 4, unit: "hour", keys: 16 } }],
    });
    const passed = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const user = `u${i % 5 === 0 ? 0 : (i * 7919) % 500}`;
      const { response } = proxy.request({ headers: [["x-user", user]] });
      if (response?.status === 200) passed.set(user, (passed.get(user) ?? 0) + 1);
    }
    expect(Math.max(...passed.values())).toBeLessThanOrEqual(4);
    expect(passed.get("u0")).toBe(4);
    expect(proxy.host.metrics.values.get("meshwright.rate_limit.evictions;rule=r")).toBeGreaterThan(0);
    expect(proxy.host.sharedDataOf("rate-limit").entries.size).toBeLessThanOrEqual(1 + 4);
  });

  test("a table has the configured size, and no more", () => {
    // 2.6 places for each key, 16 in a bucket.
    const proxy = proxyOf({
      rules: [{ name: "r", key: PER_USER, local: { limit: 4, unit: "hour", keys: 800 } }],
    });
    for (let i = 0; i < 3000; i++) passing(proxy, 1, [["x-user", `u${i}`]]);
    const keys = [...proxy.host.sharedDataOf("rate-limit").entries.keys()];
    expect(keys.filter((key) => key.startsWith("rl")).length).toBe(130);
    expect(keys.length).toBe(130 + 2);
  });

  test("a change of the configuration keeps the counts, also for a limit that changes", () => {
    const rule = (limit: number) => ({ rules: [{ name: "r", local: { limit, unit: "minute" as const } }] });
    const proxy = proxyOf(rule(5));
    expect(passing(proxy, 10)).toBe(5);
    expect(proxy.configure("rate-limit", rule(5))).toEqual({ accepted: true });
    expect(passing(proxy, 10)).toBe(0);
    expect(proxy.configure("rate-limit", rule(50))).toEqual({ accepted: true });
    expect(passing(proxy, 10)).toBe(0);
    expect(proxy.configure("rate-limit", { rules: [{ name: "r", local: { limit: 0 } }] })).toMatchObject({
      accepted: false,
    });
    proxy.advance(60_000);
    expect(passing(proxy, 100)).toBe(50);
  });

  test("a day's debt does not last when the limit becomes one of seconds", () => {
    const proxy = proxyOf({
      rules: [{ name: "r", key: PER_USER, local: { limit: 1, unit: "day", keys: 1 } }],
    });
    for (let i = 0; i < 20; i++) passing(proxy, 1, [["x-user", `u${i}`]]);
    proxy.configure("rate-limit", {
      rules: [{ name: "r", key: [{ header: "x-user" }], local: { limit: 10, unit: "second", keys: 1 } }],
    });
    passing(proxy, 1, [["x-user", "new"]]);
    proxy.advance(1000);
    expect(passing(proxy, 20, [["x-user", "new"]])).toBe(10);
    expect(passing(proxy, 20, [["x-user", "u1"]])).toBe(10);
  });
});
