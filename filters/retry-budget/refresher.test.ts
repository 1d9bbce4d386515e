// What a tick does with the books of many callers, in the in-process host. It is measured in host
// calls, because the worker serves no request during a tick.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import { budgetProxies } from "../../test/support/budget-proxy.js";
import type { RetryBudgetConfig } from "./schema.js";

/** Refreshing a caller's books costs a clock, a read and a write. */
const MOST_HOST_CALLS = 500 * 5;
const REFRESH_MS = 5_000;
const PAUSE_MS = 20;
/** After this time books count a VM as gone. */
const STALE_NS = 30_000_000_000n;

let path: string;

beforeAll(async () => {
  ({ module: path } = await budgetProxies());
}, 120_000);

function configured(config: RetryBudgetConfig): HostedModule {
  const module = loadModule(path);
  expect(module.configure(JSON.stringify(config)).accepted).toBe(true);
  return module;
}

/** Opens a request for each of the given number of callers; the requests stay open. */
function openAll(module: HostedModule, callers: number) {
  return Array.from({ length: callers }, (_, i) =>
    module.open([
      [":method", "GET"],
      [":path", "/"],
      [":authority", "shop.test"],
      ["x-caller", `caller-${i}`],
    ]),
  );
}

/** Host calls, and those that write books, while the given number of milliseconds pass. */
function spent(module: HostedModule, ms: number): { readonly all: number; readonly writes: number } {
  const before = new Map(module.hostCallsTotal);
  module.advance(ms);
  const grown = [...module.hostCallsTotal].map(
    ([name, count]) => [name, count - (before.get(name) ?? 0)] as const,
  );
  const calls = new Map(grown);
  return {
    all: grown.reduce((sum, [, count]) => sum + count, 0),
    writes: calls.get("proxy_set_shared_data") ?? 0,
  };
}

/** The keys of books, and when the VM last wrote to each. */
function lastWritten(module: HostedModule): bigint[] {
  return [...module.host.sharedDataOf("").entries]
    .filter(([key]) => key.startsWith("12:retry-budget,"))
    .map(([, value]) => Buffer.from(value, "latin1").readBigUInt64LE(8));
}

const per = { header: "x-caller" };
const concurrency = { percentage: 20 };

describe("a tick", () => {
  test("handles a part of the callers, and the next ticks handle the others", () => {
    const module = configured({ maxCallers: 65_536, budgets: [{ name: "one", per, concurrency }] });
    openAll(module, 3_000);
    const books = lastWritten(module).length;
    expect(books).toBeGreaterThan(2_900);
    let writes = 0;
    for (let ms = REFRESH_MS; ms <= REFRESH_MS + 1_000; ms += PAUSE_MS) {
      const tick = spent(module, ms === REFRESH_MS ? REFRESH_MS : PAUSE_MS);
      expect(tick.all).toBeLessThanOrEqual(MOST_HOST_CALLS);
      writes += tick.writes;
    }
    expect(writes).toBe(books);
  });

  test("handles a part of the routes, whose attempts are counted in gauges", () => {
    const module = configured({
      maxCallers: 65_536,
      budgets: [{ name: "one", per: { route: true }, concurrency }],
    });
    for (let i = 0; i < 2_000; i++) {
      module.open([[":method", "GET"]], { properties: { "xds.route_name": `route-${i}` } });
    }
    let writes = 0;
    for (let ms = REFRESH_MS; ms <= REFRESH_MS + 200; ms += PAUSE_MS) {
      const tick = spent(module, ms === REFRESH_MS ? REFRESH_MS : PAUSE_MS);
      expect(tick.all).toBeLessThanOrEqual(MOST_HOST_CALLS);
      writes += tick.writes;
    }
    expect(writes).toBe(2_000);
  });

  test("handles a part of the budgets when there are a hundred, with every caller in each", () => {
    const budgets = Array.from({ length: 100 }, (_, i) => ({
      name: `b${i}`,
      per,
      concurrency,
      shadow: i < 99,
    }));
    const module = configured({ maxCallers: 1_000, budgets });
    openAll(module, 30);
    const books = lastWritten(module).length;
    expect(books).toBeGreaterThan(2_500);
    let writes = 0;
    for (let ms = REFRESH_MS; ms <= REFRESH_MS + 1_000; ms += PAUSE_MS) {
      const tick = spent(module, ms === REFRESH_MS ? REFRESH_MS : PAUSE_MS);
      expect(tick.all).toBeLessThanOrEqual(MOST_HOST_CALLS);
      writes += tick.writes;
    }
    expect(writes).toBe(books);
  });

  test("skips the callers that have nothing in progress any more", () => {
    const module = configured({ maxCallers: 65_536, budgets: [{ name: "one", per, concurrency }] });
    const streams = openAll(module, 1_000);
    for (const stream of streams.slice(10)) stream.close();
    expect(spent(module, REFRESH_MS).writes).toBe(10);
    expect(spent(module, REFRESH_MS).writes).toBe(10);
  });
});

test("no books forget a VM that has something in progress for each of 3,000 callers, however long", () => {
  const module = configured({ maxCallers: 65_536, budgets: [{ name: "one", per, concurrency }] });
  openAll(module, 3_000);
  for (let i = 0; i < 20; i++) {
    module.advance(7_000);
    const { monotonic } = module.host.clock;
    const oldest = lastWritten(module).reduce((least, time) => (time < least ? time : least));
    expect(monotonic - oldest).toBeLessThan(STALE_NS);
  }
});

test("ticks end when nothing is in progress and the gauges have nothing new to show", () => {
  const module = configured({ budgets: [{ name: "one", per, concurrency }] });
  for (const stream of openAll(module, 600)) stream.close();
  module.advance(70_000);
  expect(spent(module, 60_000).all).toBe(0);
});
