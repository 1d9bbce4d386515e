// The bytes that the filter keeps in shared data. A test that fails here says that a layout has
// changed: raise the layout's version in its source, then write down the new keys and bytes.

import { beforeAll, expect, test } from "vitest";
import type { HostedModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";
import { buildFilters } from "../../toolchain/compile/build.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["x-tenant", "acme"],
];
const SEED = layout(16, "07".repeat(16));
const BUCKET = 4 * 144;
const KEY = [{ header: "x-tenant" }];

let path: string;

beforeAll(async () => {
  const [built] = await buildFilters(["circuit-breaker"]);
  path = built?.path ?? "";
}, 120_000);

/** Tag, begin of the state, end of the sleep, when it was stored. */
const HEAD = "0c03e53a857b445e 0000000000000000 0000000000000000 00a0b83046030000";
const UPSTREAMS = { "response.flags": 0n, "response.code_details": "via_upstream" };

/** A module whose circuit has this trip, and whose upstream has answered with these statuses. */
function answered(trip: object, statuses: readonly number[]): HostedModule {
  const module = predictable(path);
  const rules = [{ name: "tenants", key: KEY, trip, open: { jitter: 0 } }];
  expect(module.configure(JSON.stringify({ rules })).accepted).toBe(true);
  for (const status of statuses) {
    const response: HeaderList = [[":status", String(status)]];
    module.exchange(REQUEST, { response, properties: UPSTREAMS });
  }
  return module;
}

function expectCircuit(module: HostedModule, bytes: string): void {
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    cb0lp_eF1_wFAA: layout(BUCKET, bytes),
  });
}

// Then the epoch, the state, the level, flags and the kind of trip; and its books.

test.each<[string, object, readonly number[], string]>([
  ["evidence: a number", { evidence: {} }, [503], "80ee3600 00 00 02 02 1655b5bbb16b0240"],
  ["consecutive: how many", { consecutive: 5 }, [503, 503], "80ee3600 00 00 02 01 02000000"],
  [
    "rate: requests and failures of ten steps, and the number of the newest",
    { rate: {} },
    [200, 503],
    `80ee3600 00 00 00 03 02000000 01000000 ${"00".repeat(72)} 100e000000000000`,
  ],
  [
    "learned evidence: a number, and the results since it was 0; then what was learned",
    { evidence: { tolerated: "learned" } },
    [200, 503],
    `80ee3600 00 00 02 04 78e0e0f04052ed3f 0000803f 0000803f ${"00".repeat(72)} 0000803f`,
  ],
])("a closed circuit with %s", (_, trip, statuses, books) => {
  expectCircuit(answered(trip, statuses), `${HEAD} ${books}`);
});

test("a throttle has requests and failures of ten steps, and the number of the newest", () => {
  const module = predictable(path);
  const rules = [{ name: "tenants", key: KEY, throttle: {} }];
  expect(module.configure(JSON.stringify({ rules })).accepted).toBe(true);
  for (const status of ["200", "503"])
    module.exchange(REQUEST, { response: [[":status", status]], properties: UPSTREAMS });
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    ctWfSHYCfxwFAA: layout(
      BUCKET,
      `${HEAD} 80ee3600 00 00 00 00 02000000 01000000 ${"00".repeat(72)} 2c01000000000000`,
    ),
  });
});

test("a host has its latest latencies, and what is held against it", () => {
  const module = predictable(path);
  const rules = [{ name: "hosts" }];
  expect(module.configure(JSON.stringify({ where: "upstream", rules })).accepted).toBe(true);
  const properties = { "upstream.address": "10.0.0.1:80", "xds.cluster_name": "orders" };
  module.exchange(REQUEST, { response: [[":status", "200"]], properties });
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    "15:circuit-breaker,5:hosts,1:1,6:plugin,5:hosts,u\\xa7L\\xb4\\xcf\\x95O\\x0f": layout(
      8 * 72,
      "17b24380baac1f01 00a0b83046030000 0000000000000000 0000000000000000 01 01",
    ),
  });
});

test("an open circuit has the begin and the end of its sleep", () => {
  expectCircuit(
    answered({ consecutive: 1 }, [503]),
    "0c03e53a857b445e 00a0b83046030000 0092be5a47030000 00a0b83046030000 81ee3600 01 00 02 00",
  );
});

test("a half-open one has permits: two bits of what became of each, and the end of its lease", () => {
  const module = answered({ consecutive: 1 }, [503]);
  module.advance(5000);
  module.open(REQUEST);
  expectCircuit(
    module,
    "0c03e53a857b445e 0092be5a47030000 0092be5a47030000 0092be5a47030000 82ee3600 02 00 02 00 81380100",
  );
});
