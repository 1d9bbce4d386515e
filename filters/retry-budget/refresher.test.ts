// What a tick does about the books of many callers, in the in-process host: it is counted in host
// calls, for while it lasts the worker serves nobody.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import { budgetProxies } from "../../test/support/budget-proxy.js";
import type { RetryBudgetConfig } from "./schema.js";

/** Refreshing a caller's books is a clock, a read and a write. */
const MOST_HOST_CALLS = 500 * 5;
const REFRESH_MS = 5_000;
const PAUSE_MS = 20;
/** After so long books take a VM for gone. */
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

/** Opens a request for each of so many callers; they go on. */
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

/** Host calls, and those of them that write books, while that many milliseconds pass. */
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

/** The keys of books, and when the VM last wrote into each. */
function lastWritten(module: HostedModule): bigint[] {
  return [...module.host.sharedDataOf("").entries]
    .filter(([key]) => key.startsWith("12:retry-budget,"))
    .map(([, value]) => Buffer.from(value, "latin1").readBigUInt64LE(8));
}

const per = { header: "x-caller" };
const concurrency = { percentage: 20 };

describe("a tick", () => {
  test("does a part of the callers, and the next ticks do the others", () => {
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

  test("does a part of the budgets where there are a hundred, with every caller in each", () => {
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

  test("leaves alone the callers for whom nothing goes on any more", () => {
    const module = configured({ maxCallers: 65_536, budgets: [{ name: "one", per, concurrency }] });
    const streams = openAll(module, 1_000);
    for (const stream of streams.slice(10)) stream.close();
    expect(spent(module, REFRESH_MS).writes).toBe(10);
    expect(spent(module, REFRESH_MS).writes).toBe(10);
  });
});

test("no books forget a VM in which something goes on for each of 3,000 callers, however long", () => {
  const module = configured({ maxCallers: 65_536, budgets: [{ name: "one", per, concurrency }] });
  openAll(module, 3_000);
  for (let i = 0; i < 20; i++) {
    module.advance(7_000);
    const { monotonic } = module.host.clock;
    const oldest = lastWritten(module).reduce((least, time) => (time < least ? time : least));
    expect(monotonic - oldest).toBeLessThan(STALE_NS);
  }
});

test("ticks end when nothing goes on and the gauges have nothing more to show", () => {
  const module = configured({ budgets: [{ name: "one", per, concurrency }] });
  for (const stream of openAll(module, 600)) stream.close();
  module.advance(70_000);
  expect(spent(module, 60_000).all).toBe(0);
});
