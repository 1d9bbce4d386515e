// Buckets that a worker keeps as it has written them, in the in-process host: which reads that
// spares, and that a worker never decides on what others have changed since.

import { beforeAll, describe, expect, test } from "vitest";
import type { HostedProxy } from "../../../kit/host/proxy.js";
import { Random } from "../../../test/agreement/random.js";
import { amount } from "../../../test/support/amount.js";
import {
  buildRateLimit,
  decisions,
  interleave,
  limitedProxy,
  PER_USER,
  sharedCalls,
} from "../../../test/support/rate-limit-proxy.js";

/** Requests until a worker knows which buckets it writes often. */
const FIRST_REQUESTS = 4;

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const proxyOf = (limit: number) =>
  limitedProxy(path, { rules: [{ name: "r", key: PER_USER, local: { limit, unit: "day" } }] });

function passes(proxy: HostedProxy, worker: number, user = "ann"): boolean {
  return proxy.request({ worker, headers: [["x-user", user]] }).response?.status === 200;
}

describe("a worker", () => {
  test("that alone writes shared data reads a bucket once, and again before it refuses", () => {
    const proxy = proxyOf(100);
    const all = () => Array.from({ length: 100 }, () => passes(proxy, 0));
    let passed: boolean[] = [];
    expect(sharedCalls(proxy, () => (passed = all()))).toEqual({ reads: 1, writes: 100 });
    expect(passed).not.toContain(false);
    expect(sharedCalls(proxy, () => (passed = all()))).toEqual({ reads: 100, writes: 0 });
    expect(passed).not.toContain(true);
  });

  test("learns the numbers of its writes where others write buckets of their own", () => {
    const proxy = proxyOf(1000);
    const both = (times: number) => {
      for (let i = 0; i < times; i++) {
        expect(passes(proxy, 0, "ann")).toBe(true);
        expect(passes(proxy, 1, "bob")).toBe(true);
      }
    };
    both(FIRST_REQUESTS);
    // Of the two writes and the read of a request, one write and the read have no bytes.
    expect(sharedCalls(proxy, () => both(100))).toEqual({ reads: 200, writes: 400 });
    expect(proxy.sharedData().get("3:sdk,6:number,1:1,")).toBe("");
  });

  test("leaves a bucket alone that others change", () => {
    const proxy = proxyOf(10_000);
    const both = (times: number) => {
      for (let i = 0; i < times; i++) for (const worker of [0, 1]) passes(proxy, worker);
    };
    both(1000);
    const { reads, writes } = sharedCalls(proxy, () => both(1000));
    expect(reads).toBeLessThan(1.05 * 2000);
    expect(writes).toBeLessThan(1.05 * 2000);
  });
});

test("kept buckets let as much pass as the limit, whoever comes in between at any call", () => {
  for (let seed = 1; seed <= amount(200, 20); seed++) {
    const random = new Random(seed);
    const limit = 40 + random.below(40);
    const proxy = proxyOf(limit);
    interleave(proxy, 4 * limit, random);
    // Within a call, an answer is not yet there.
    expect(decisions(proxy, "r"), `seed ${seed}`).toMatchObject({ allowed: 2 * limit });
  }
});
