// Limits of requests in flight, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { HostedExchange } from "../../../kit/host/exchange.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { Random } from "../../../test/agreement/random.js";
import { amount } from "../../../test/support/amount.js";
import { buildRateLimit, decisions, interleave, PER_USER } from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

type Rule = RateLimitConfig["rules"][number];

let path: string;
let answer: UpstreamResponse;

beforeAll(async () => {
  path = await buildRateLimit();
});

/** Four workers before an upstream that answers after a second. */
function limited(concurrency: Rule["concurrency"], ...others: Rule[]): HostedProxy {
  answer = { delayMs: 1000 };
  const rules = [{ name: "r", key: PER_USER, concurrency }, ...others];
  return hostProxy({
    workers: 4,
    filters: [{ name: "rate-limit", module: path, configuration: { explainHeader: "x-why", rules } as Json }],
    upstreams: { upstream: () => answer },
  });
}

const begin = (proxy: HostedProxy, user = "ann") => proxy.request({ headers: [["x-user", user]] });
const isRefused = ({ response }: HostedExchange) => response?.status === 429;
/** How many of so many new requests pass. */
function passing(proxy: HostedProxy, count: number, user?: string): number {
  return Array.from({ length: count }, () => begin(proxy, user)).filter((one) => !isRefused(one)).length;
}

describe("a limit of requests in flight", () => {
  test("holds over all workers, for each key, until requests end", () => {
    const proxy = limited({ limit: 10 });
    expect(passing(proxy, 30)).toBe(10);
    expect(passing(proxy, 30, "bob")).toBe(10);
    proxy.advance(1001);
    expect(passing(proxy, 30)).toBe(10);
    expect(decisions(proxy, "r")).toEqual({ allowed: 30, limited: 60 });
  });

  test("holds whoever comes in between at any call of shared data", () => {
    for (let seed = 1; seed <= amount(100, 10); seed++) {
      const random = new Random(seed);
      const limit = 10 + random.below(10);
      const proxy = limited({ limit });
      interleave(proxy, 6 * limit, random);
      expect(decisions(proxy, "r"), `seed ${seed}`).toMatchObject({ allowed: 2 * limit });
      proxy.advance(1001);
      expect(passing(proxy, 2 * limit), `seed ${seed}`).toBe(limit);
    }
  });

  test("answers 429 without a time to wait", () => {
    const proxy = limited({ limit: 1 });
    begin(proxy);
    const { response, details } = begin(proxy);
    expect(response?.status).toBe(429);
    expect(response?.header("retry-after")).toBeUndefined();
    expect(response?.header("x-why")).toBe("r;outcome=limited");
    expect(details).toBe("rate_limited{r}");
  });

  test("is given back by a client that goes away, by a reset and by a late answer", () => {
    const proxy = limited({ limit: 1 });
    const left = begin(proxy);
    expect(passing(proxy, 1)).toBe(0);
    left.cancel();
    answer = { fault: "reset" };
    expect(passing(proxy, 3)).toBe(3);
    answer = { delayMs: 5000 };
    expect(passing(proxy, 2)).toBe(1);
    proxy.advance(4999);
    expect(passing(proxy, 1)).toBe(0);
    proxy.advance(2);
    expect(passing(proxy, 1)).toBe(1);
  });

  test("holds through a stream that is longer than the lease", () => {
    const proxy = limited({ limit: 1, lease: "2s" });
    answer = { body: Array(14).fill("piece"), pieceDelayMs: 1000 };
    const stream = begin(proxy);
    for (let second = 0; second < 12; second++) {
      proxy.advance(1000);
      expect(passing(proxy, 1)).toBe(0);
    }
    proxy.advance(2_000);
    expect(stream.response?.end).toBe("whole");
    expect(passing(proxy, 1)).toBe(1);
  });

  test("frees what a worker held whose VM is gone, after the lease and not before", () => {
    const proxy = limited({ limit: 2, lease: "5s" });
    answer = { fault: "never" };
    expect(passing(proxy, 3)).toBe(2);
    const table = proxy.host.sharedDataOf("rate-limit");
    const held = [...table.entries].filter(([key]) => key.startsWith("rf"));
    expect(held.length).toBe(1);
    // The same requests, in a proxy whose workers do not know of them: nobody renews their leases.
    const other = limited({ limit: 2, lease: "5s" });
    for (const [key, value] of held) {
      other.host.sharedDataOf("rate-limit").set(key, Buffer.from(value, "latin1"));
    }
    const rules = [{ name: "r", key: [{ header: "x-user" }], concurrency: { limit: 2, lease: "5s" } }];
    expect(other.configure("rate-limit", { rules })).toEqual({ accepted: true });
    other.advance(1);
    expect(passing(other, 1)).toBe(0);
    other.advance(4900);
    expect(passing(other, 1)).toBe(0);
    other.advance(200);
    expect(passing(other, 3)).toBe(2);
  });

  test("holds nothing for a request that another rule refuses, and takes nothing from one for it", () => {
    const proxy = limited({ limit: 3 }, { name: "rate", local: { limit: 2, unit: "hour" } });
    expect(passing(proxy, 5)).toBe(2);
    proxy.advance(1001);
    expect(passing(proxy, 5)).toBe(0);
    expect(decisions(proxy, "r")).toEqual({ allowed: 2 });

    const small = limited({ limit: 1 }, { name: "rate", local: { limit: 2, unit: "hour" } });
    expect(passing(small, 5)).toBe(1);
    small.advance(1001);
    expect(passing(small, 5)).toBe(1);
  });

  test("in shadow mode counts what it would do", () => {
    const proxy = hostProxy({
      workers: 4,
      filters: [
        {
          name: "rate-limit",
          module: path,
          configuration: { rules: [{ name: "r", shadow: true, concurrency: { limit: 2 } }] },
        },
      ],
      upstreams: { upstream: () => ({ delayMs: 1000 }) },
    });
    expect(passing(proxy, 5)).toBe(5);
    expect(decisions(proxy, "r")).toEqual({ "shadow-allowed": 2, "shadow-limited": 3 });
  });

  test("goes on counting the streams of an old configuration", () => {
    const proxy = limited({ limit: 5, lease: "10m" });
    expect(passing(proxy, 3)).toBe(3);
    const rules = [{ name: "r", key: [{ header: "x-user" }], concurrency: { limit: 4, lease: "10m" } }];
    expect(proxy.configure("rate-limit", { rules })).toEqual({ accepted: true });
    expect(passing(proxy, 5)).toBe(1);
    proxy.advance(1001);
    expect(passing(proxy, 6)).toBe(4);
  });

  test("never has more in flight, whatever comes and goes on which worker", () => {
    const proxy = limited({ limit: 7, lease: "1h", keys: 50 });
    answer = { fault: "never" };
    const random = new Random(11);
    const open: HostedExchange[][] = [[], [], []];
    for (let i = 0; i < 4000; i++) {
      const user = random.below(open.length);
      const streams = open[user] as HostedExchange[];
      if (random.below(2) === 0) {
        const exchange = proxy.request({ headers: [["x-user", `u${user}`]], worker: random.below(4) });
        expect(isRefused(exchange)).toBe(streams.length >= 7);
        if (!isRefused(exchange)) streams.push(exchange);
      } else {
        streams.splice(random.below(streams.length + 1), 1)[0]?.cancel();
      }
      if (i % 100 === 0) proxy.advance(random.below(50));
    }
  });

  test("of more keys than there is room for lets no key have more, and the table stays as it is", () => {
    const proxy = limited({ limit: 1, keys: 16 });
    answer = { fault: "never" };
    const passed = Array.from({ length: 200 }, (_, i) => passing(proxy, 2, `u${i}`));
    expect(Math.max(...passed)).toBe(1);
    const buckets = [...proxy.host.sharedDataOf("rate-limit").entries.keys()].filter((key) =>
      key.startsWith("rf"),
    );
    expect(buckets.length).toBeLessThanOrEqual(3);
    expect(passed.filter((count) => count === 0).length).toBe(200 - 3 * 16);
    expect(decisions(proxy, "r")).toMatchObject({ contended: 2 * (200 - 48) });
  });
});
