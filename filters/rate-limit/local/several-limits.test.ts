// Several limits of one request on workers that keep the buckets which they wrote: none is taken
// from for a request that another one refuses, and no other worker's write is lost.

import { beforeAll, expect, test } from "vitest";
import type { HostedProxy } from "../../../kit/host/proxy.js";
import { Random } from "../../../test/agreement/random.js";
import {
  buildRateLimit,
  decisions,
  limitedProxy,
  PER_USER,
  sharedCalls,
} from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const WORKERS = 4;

function status(proxy: HostedProxy, user: string, worker: number) {
  return proxy.request({ headers: [["x-user", user]], worker }).response?.status;
}

test("a worker alone reads the buckets of five limits once", () => {
  const keyed = (name: string) => ({ name, key: PER_USER, local: { limit: 1000, unit: "day" as const } });
  const proxy = limitedProxy(path, { rules: ["a", "b", "c", "d", "e"].map(keyed) });
  const ask = () => {
    for (let i = 0; i < 100; i++) expect(status(proxy, "ann", 0)).toBe(200);
  };
  expect(sharedCalls(proxy, ask)).toEqual({ reads: 5, writes: 500 });
});

test("a limit gets back what it gave for a request that another one refuses", () => {
  const proxy = limitedProxy(path, {
    rules: [
      { name: "user", key: PER_USER, local: { limit: 3, unit: "hour" } },
      { name: "all", local: { limit: 3, unit: "second" } },
    ],
  });
  expect(status(proxy, "ann", 0)).toBe(200);
  // Worker 0 does not know that nothing is left for all, and takes from ann's limit before it does.
  expect([status(proxy, "bob", 1), status(proxy, "bob", 1), status(proxy, "ann", 0)]).toEqual([
    200, 200, 429,
  ]);
  expect(decisions(proxy, "user")).toEqual({ allowed: 3 });
  expect(decisions(proxy, "all")).toEqual({ allowed: 3, limited: 1 });
  proxy.advance(10_000);
  expect([1, 2, 3].map(() => status(proxy, "ann", 0))).toEqual([200, 200, 429]);
  expect(decisions(proxy, "user")).toEqual({ allowed: 5, limited: 1 });
});

const ONE = (keys: number): RateLimitConfig => ({
  rules: [{ name: "user", key: PER_USER, local: { limit: 5, unit: "second", keys } }],
});
const THREE: RateLimitConfig = {
  rules: [
    { name: "user", key: PER_USER, local: { limit: 6, unit: "second" } },
    { name: "part", key: [{ header: "x-part" }], local: { limit: 9, unit: "second", keys: 4 } },
    { name: "all", local: { limit: 15, unit: "second" } },
  ],
};

test.each([
  ["one limit", ONE(10_000)],
  ["one limit whose table is too small", ONE(8)],
  ["three limits", THREE],
])("the same requests pass by %s whoever serves them, and whoever else writes", (_, config) => {
  const random = new Random(18);
  const [one, many] = [limitedProxy(path, config), limitedProxy(path, config)];
  for (let i = 0; i < 6000; i++) {
    const headers = [["x-user", `u${random.below(8)}`] as const, ["x-part", `p${random.below(3)}`] as const];
    // Mostly the same worker, as for the requests of one connection.
    const worker = random.below(3) === 0 ? random.below(WORKERS) : 1;
    const passes = (proxy: HostedProxy, by: number) =>
      proxy.request({ headers, worker: by }).response?.status === 200;
    expect(passes(many, worker), `request ${i}`).toBe(passes(one, 0));
    // Somebody who only makes the host's numbers go up.
    if (random.below(4) === 0) many.host.sharedDataOf("rate-limit").set("another key", Buffer.from("x"));
    if (random.below(3) > 0) continue;
    const ms = random.below(300);
    one.advance(ms);
    many.advance(ms);
  }
});
