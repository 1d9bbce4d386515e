// The bytes that the filter keeps in shared data. A test that fails here says that a layout has
// changed: raise the layout's version in its source, then write down the new keys and bytes.

import { beforeAll, expect, test } from "vitest";
import type { HeaderList } from "../../kit/traffic.js";
import { encodeVerdict } from "../../test/support/rate-limit-messages.js";
import { buildRateLimit, PER_USER } from "../../test/support/rate-limit-proxy.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["x-user", "ann"],
];
const SEED = layout(16, "07".repeat(16));

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
}, 120_000);

test("a limit's bucket: 16 times the key's tag and the moment at which its limit is full", () => {
  const module = predictable(path);
  const local = { limit: 1, unit: "second" } as const;
  const rules = [{ name: "users", key: PER_USER, local }];
  expect(module.configure(JSON.stringify({ rules })).accepted).toBe(true);
  module.exchange(REQUEST);
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    rlN1d2lEkCexAA: layout(256, "c1a0bd0b1e39e431 00a036c566340000"),
  });
});

test("a bucket of requests in flight: 16 times the key, its holder, when it was heard of, and their number", () => {
  const module = predictable(path);
  const rules = [{ name: "users", key: PER_USER, concurrency: { limit: 3 } }];
  expect(module.configure(JSON.stringify({ rules })).accepted).toBe(true);
  module.open(REQUEST);
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    rfE52eew40exAA: layout(512, "c1a0bd0b1e39e431 0707070707070707 00a0b83046030000 01000000"),
  });
});

test("a bucket of keys that the service refuses: 16 times the key, its end, its cost and the time beyond", () => {
  const module = predictable(path);
  const service = { cluster: "limits", domain: "shop" };
  const rules = [{ name: "users", key: PER_USER, cost: { fixed: 3 }, global: {} }];
  expect(module.configure(JSON.stringify({ service, rules })).accepted).toBe(true);
  const stream = module.open(REQUEST);
  module.grpcCalls[0]?.sendMessage(
    encodeVerdict({ over: true, statuses: [{ over: true, resetSeconds: 90 }] }),
  );
  stream.close();
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    "10:rate-limit,4:over,1:1,!\\x02": layout(384, "d4836fa721025bec 00f8ff2854030000 03000000 1e000000"),
  });
});
