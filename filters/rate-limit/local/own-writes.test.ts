// A worker that writes what it wrote before, without reading it first: how many host calls that
// saves, and that no other worker's write is lost.

import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { loadModule } from "../../../kit/host/load.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import { Random } from "../../../test/agreement/random.js";
import { buildRateLimit, decisions, limitedProxy, PER_USER } from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const WORKERS = 4;
const perUser = (fields: object = {}): RateLimitConfig => ({
  rules: [{ name: "r", key: PER_USER, local: { limit: 5, unit: "second", ...fields } }],
});
const inFlight: RateLimitConfig = {
  rules: [{ name: "r", key: PER_USER, concurrency: { limit: 1000 } }],
};

/** What one worker reads and writes of shared data in this many requests of one user. */
function sharedCalls(config: RateLimitConfig, requests: number) {
  const module = loadModule(path);
  module.configure(JSON.stringify(config));
  const calls = { reads: 0, writes: 0 };
  for (let i = 0; i < requests; i++) {
    const { hostCalls } = module.exchange([
      [":method", "GET"],
      [":path", "/"],
      [":authority", "shop.test"],
      ["x-user", "ann"],
    ]);
    calls.reads += hostCalls.get("proxy_get_shared_data") ?? 0;
    calls.writes += hostCalls.get("proxy_set_shared_data") ?? 0;
  }
  return calls;
}

/** Counts the reads and the refused writes of all workers. */
function watch(proxy: HostedProxy) {
  const seen = { reads: 0, writes: 0 };
  proxy.host.intercept = (call) => {
    if (call === "proxy_get_shared_data") seen.reads++;
    if (call === "proxy_set_shared_data") seen.writes++;
    return undefined;
  };
  return seen;
}

describe("a bucket that a worker wrote last", () => {
  test("is read once, and written without reading from then on", () => {
    expect(sharedCalls(perUser({ limit: 1_000_000 }), 500)).toEqual({ reads: 1, writes: 500 });
    expect(sharedCalls(inFlight, 500)).toEqual({ reads: 1, writes: 1000 });
  });

  test("is read again before a request is refused", () => {
    // Five pass; each of the others reads what there is.
    expect(sharedCalls(perUser(), 20)).toEqual({ reads: 1 + 15, writes: 5 });
  });

  test("lets the same requests pass as reading it each time, whoever serves them", () => {
    const random = new Random(18);
    for (const keys of [10_000, 8]) {
      const config = perUser({ keys });
      const [one, many] = [limitedProxy(path, config), limitedProxy(path, config)];
      for (let i = 0; i < 6000; i++) {
        const headers = [["x-user", `u${random.below(12)}`]] as const;
        // Mostly the same worker, as for the requests of one connection.
        const worker = random.below(4) === 0 ? random.below(WORKERS) : 1;
        const status = (proxy: HostedProxy, by: number) =>
          proxy.request({ headers, worker: by }).response?.status;
        expect(status(many, worker), `request ${i}`).toBe(status(one, 0));
        if (random.below(3) > 0) continue;
        const ms = random.below(400);
        one.advance(ms);
        many.advance(ms);
      }
    }
  });

  test("is read by workers that take turns, with a try in vain now and then", () => {
    const proxy = limitedProxy(path, perUser({ limit: 1_000_000 }));
    const seen = watch(proxy);
    for (let i = 0; i < 4000; i++) proxy.request({ headers: [["x-user", "ann"]] });
    expect(seen.reads).toBe(4000);
    expect(seen.writes - 4000).toBeLessThan(4000 * 0.02);
  });

  test("of several limits is read once, and gives back what another limit refuses", () => {
    const keyed = (name: string) => ({
      name,
      key: PER_USER,
      local: { limit: 1_000_000, unit: "second" as const },
    });
    const five = { rules: ["a", "b", "c", "d", "e"].map(keyed) };
    expect(sharedCalls(five, 500)).toEqual({ reads: 5, writes: 2500 });
    const proxy = limitedProxy(path, {
      rules: [
        { name: "user", key: PER_USER, local: { limit: 3, unit: "hour" } },
        { name: "all", local: { limit: 3, unit: "second" } },
      ],
    });
    const status = (user: string, worker: number) =>
      proxy.request({ headers: [["x-user", user]], worker }).response?.status;
    expect(status("ann", 0)).toBe(200);
    // Worker 0 does not know that nothing is left for all, and has taken from ann's limit by then.
    expect([status("bob", 1), status("bob", 1), status("ann", 0)]).toEqual([200, 200, 429]);
    expect(decisions(proxy, "user")).toEqual({ allowed: 3 });
    expect(decisions(proxy, "all")).toEqual({ allowed: 3, limited: 1 });
    proxy.advance(10_000);
    expect([status("ann", 0), status("ann", 0), status("ann", 0)]).toEqual([200, 200, 429]);
    expect(decisions(proxy, "user")).toEqual({ allowed: 5, limited: 1 });
  });

  test("lets requests of several limits pass as reading them each time, whoever serves them", () => {
    const random = new Random(182);
    const config: RateLimitConfig = {
      rules: [
        { name: "user", key: PER_USER, local: { limit: 6, unit: "second" } },
        { name: "path", key: [{ header: "x-part" }], local: { limit: 9, unit: "second", keys: 4 } },
        { name: "all", local: { limit: 15, unit: "second" } },
      ],
    };
    const [one, many] = [limitedProxy(path, config), limitedProxy(path, config)];
    for (let i = 0; i < 6000; i++) {
      const headers = [
        ["x-user", `u${random.below(5)}`] as const,
        ["x-part", `p${random.below(3)}`] as const,
      ];
      const worker = random.below(3) === 0 ? random.below(WORKERS) : 1;
      const status = (proxy: HostedProxy, by: number) =>
        proxy.request({ headers, worker: by }).response?.status;
      expect(status(many, worker), `request ${i}`).toBe(status(one, 0));
      if (random.below(3) > 0) continue;
      const ms = random.below(200);
      one.advance(ms);
      many.advance(ms);
    }
  });

  test("is not mistaken where others write between, under the same key or another one", () => {
    const random = new Random(181);
    const proxy = hostProxy({
      workers: 2,
      filters: [{ name: "rate-limit", module: path, configuration: perUser({ limit: 1000 }) as Json }],
      upstreams: { upstream: () => ({}) },
    });
    const data = proxy.host.sharedDataOf("rate-limit");
    const request = (worker: number) => proxy.request({ headers: [["x-user", "ann"]], worker });
    let passed = 0;
    for (let i = 0; i < 3000; i++) {
      // Somebody who only makes the host's numbers go up.
      for (let k = random.below(3); k > 0; k--) data.set("another key", Buffer.from("x"));
      if (request(random.below(8) === 0 ? 1 : 0).response?.status === 200) passed++;
    }
    expect(passed).toBe(1000);
  });
});
