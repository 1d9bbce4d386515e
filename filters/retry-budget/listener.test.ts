// The filter in a listener's chain, in the in-process host.

import "../../kit/vitest.js";
import { beforeAll, describe, expect, test } from "vitest";
import {
  attempts,
  BARE,
  budgetProxies,
  counted,
  one,
  type ProxyOf,
  remaining,
  send,
} from "../../test/support/budget-proxy.js";
import type { RetryBudgetConfig } from "./schema.js";

let proxyOf: ProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await budgetProxies());
}, 120_000);

describe("in a listener's chain", () => {
  const downstream = (fields: object, maxRetries = 3): RetryBudgetConfig => ({
    where: "downstream",
    ...one({ maxRetries, ...fields }),
  });

  test("a request is told how often it may be retried, and gives back what it did not need", () => {
    const proxy = proxyOf(downstream({ ratio: { percentage: 0, minRetriesPerSecond: 1 } }), {
      upstreams: { shop: (_, attempt) => (attempt === 1 ? { status: 503 } : {}) },
    });
    expect(send(proxy, 9).map((exchange) => exchange.attempts)).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(counted(proxy, "retried")).toBe(9);
    expect(remaining(proxy)).toBe(1);
  });

  test("retries stay within the budget, and requests beyond it get none", () => {
    const proxy = proxyOf(downstream({ ratio: { ...BARE, ttl: "1m" } }));
    const exchanges = Array.from({ length: 500 }, () => {
      const exchange = proxy.request();
      proxy.advance(100);
      return exchange;
    });
    proxy.advance(1_000);
    const retries = attempts(exchanges) - 500;
    expect(retries).toBeLessThanOrEqual(100);
    expect(retries).toBeGreaterThan(90);
    expect(counted(proxy, "retried")).toBe(retries);
    expect(counted(proxy, "exceeded")).toBeGreaterThan(300);
  });

  test("a method that is not retried, and a deadline that is over, get none", () => {
    const proxy = proxyOf(downstream({}));
    const post = proxy.request({ method: "POST" });
    const late = proxy.request({ headers: [["grpc-timeout", "0m"]] });
    proxy.advance(1_000);
    expect([post.attempts, late.attempts]).toEqual([1, 1]);
    expect([counted(proxy, "method"), counted(proxy, "deadline")]).toEqual([1, 1]);
  });

  test("a client that leaves before the answer takes no retry with it", () => {
    const proxy = proxyOf(downstream({ ratio: { percentage: 0, minRetriesPerSecond: 1 } }), {
      upstreams: { shop: (_, attempt) => ({ status: 503, delayMs: attempt === 1 ? 0 : 60_000 }) },
    });
    // Each makes one of the three retries that it was granted.
    for (let i = 0; i < 3; i++) {
      const exchange = proxy.request();
      proxy.advance(100);
      exchange.cancel();
    }
    expect(remaining(proxy)).toBe(10 - 3);
    expect(counted(proxy, "retried")).toBe(3);
  });

  test("with concurrency a request holds its retries until it is answered", () => {
    const proxy = proxyOf(downstream({ concurrency: { percentage: 0, minRetryConcurrency: 4 } }), {
      upstreams: { shop: () => ({ status: 503, delayMs: 100 }) },
    });
    const exchanges = Array.from({ length: 3 }, () => proxy.request());
    proxy.advance(5_000);
    expect(exchanges.map((exchange) => exchange.attempts)).toEqual([4, 2, 1]);
    expect(send(proxy, 1)[0]?.attempts).toBe(4);
  });
});
