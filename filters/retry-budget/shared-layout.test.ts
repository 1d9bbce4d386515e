// The bytes that the filter keeps in shared data. A test that fails here says that a layout has
// changed: raise the layout's version in its source, then write down the new keys and bytes.

import { beforeAll, expect, test } from "vitest";
import type { HttpStream } from "../../kit/host/http-stream.js";
import type { HostedModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { budgetProxies } from "../../test/support/budget-proxy.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["x-caller", "ann"],
];
const SEED = layout(16, "07".repeat(16));
const per = { header: "x-caller" };

let path: string;

beforeAll(async () => {
  ({ module: path } = await budgetProxies());
}, 120_000);

/** An attempt with that number, which fails; its stream stays open. */
function fail(module: HostedModule, attempt: number): void {
  begin(module, attempt).responseHeaders([[":status", "503"]], true);
}

function begin(module: HostedModule, attempt: number): HttpStream {
  return module.open(REQUEST, {
    properties: { "upstream.request_attempt_count": attempt },
    endOfStream: true,
  });
}

test("the books of a ratio: the step, ten times requests and retries, the expiry, two counts of promises, the counter's requests", () => {
  const module = predictable(path);
  const budgets = [{ name: "one", per, ratio: { percentage: 50 } }];
  expect(module.configure({ budgets }, { plugin: "budget" }).accepted).toBe(true);
  begin(module, 1);
  begin(module, 1);
  fail(module, 2);
  const key =
    "12:retry-budget,5:books,1:3,6:budget,3:one,19:ratio 5000 10000 10,21:header x-caller 16384,00000000000020c1";
  const counts = layout(80, "02000000 01000000");
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    [key]: layout(112, "100e000000000000", counts, "e02e000000000000 01000000 00000000", "0000000000000000"),
  });
});

test("the books of a concurrency: VM, time, attempts, retries, the expiry, two counts of promises, no slot", () => {
  const module = predictable(path);
  const budgets = [{ name: "one", per, concurrency: { percentage: 50 } }];
  expect(module.configure({ budgets }, { plugin: "budget" }).accepted).toBe(true);
  begin(module, 1);
  begin(module, 1);
  fail(module, 2);
  const key =
    "12:retry-budget,5:books,1:3,6:budget,3:one,18:concurrency 5000 3,21:header x-caller 16384,00000000000020c1";
  const own = "03000000 01000000 e02e000000000000 01000000 00000000";
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    [key]: layout(48, "0707070707070707 00a0b83046030000", own),
  });
});

test("the books of a concurrency by cluster: as those, with the VM's slot, whose gauge has the attempts", () => {
  const module = predictable(path);
  const budgets = [{ name: "one", per: { cluster: "shop" }, concurrency: { percentage: 50 } }];
  expect(module.configure({ budgets }, { plugin: "budget" }).accepted).toBe(true);
  begin(module, 1);
  begin(module, 1);
  fail(module, 2);
  const own = "03000000 01000000 e02e000000000000 01000000 00000000 01000000 01000000";
  expect(Object.values(sharedLayout(module))).toContain(layout(48, "0707070707070707 00a0b83046030000", own));
  const shown = [...module.metrics].filter(([name]) => name.includes("vm_requests;rule=one;books="));
  expect(shown).toEqual([[expect.stringMatching(/;slot=1$/), 3]]);
});

test("a promise, a property of the request: the expiry, and the attempt that it was made to", () => {
  const module = predictable(path);
  expect(module.configure({ budgets: [{ name: "one" }] }, { plugin: "budget" }).accepted).toBe(true);
  const stream = begin(module, 1);
  stream.responseHeaders([[":status", "503"]], true);
  const kept = stream.setProperties.get("meshwright.retry_budget.promise.1.budget");
  expect(Buffer.from(kept ?? []).toString("hex")).toBe(layout(16, "e02e000000000000 0200000000000000"));
});

test.each([
  ["ratio", { ratio: {} }],
  ["concurrency", { concurrency: {} }],
])(
  "the books of a %s, and their counter, are the same whether Envoy or the settings name the cluster",
  (_, measure) => {
    const kept = (per: object) => {
      const module = predictable(path);
      const budgets = [{ name: "one", ...measure, ...per }];
      expect(module.configure({ budgets }, { plugin: "budget" }).accepted).toBe(true);
      for (const attempt of [1, 1, 2]) {
        module.open(REQUEST, {
          properties: { "xds.cluster_name": "shop", "upstream.request_attempt_count": attempt },
          endOfStream: true,
        });
      }
      return { books: sharedLayout(module), metrics: [...module.metrics] };
    };
    const asked = kept({});
    expect(Object.keys(asked.books)).toHaveLength(1 + 1);
    expect(kept({ per: { cluster: "shop" } })).toEqual(asked);
    expect(kept({ per: { cluster: "other" } })).not.toEqual(asked);
  },
);
