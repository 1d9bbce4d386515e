// Attempts under way that VMs count beside the books of a concurrency, in the in-process host: over
// workers, and when a VM joins, ends, or is replaced.

import { beforeAll, describe, expect, test } from "vitest";
import type { UpstreamAttempt } from "../../kit/host/attempt.js";
import { Seeded } from "../../kit/host/seeded.js";
import type { HostedProxy } from "../../kit/index.js";
import { amount } from "../../test/support/amount.js";
import { budgetProxies, one, type ProxyOf } from "../../test/support/budget-proxy.js";

const GAUGE = "meshwright.retry_budget.vm_requests;";
/** After this time books forget a VM. */
const FORGOTTEN_MS = 31_000;
/** Longer than the router waits before a retry. */
const RETRY_MS = 260;
/** Attempts of a request that always fails. */
const ATTEMPTS = 4;

const HALF = { percentage: 50, minRetryConcurrency: 0 };

let proxyOf: ProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await budgetProxies());
}, 120_000);

/** A proxy whose upstream answers when the test says so. */
function held(concurrency: object = HALF, workers = 2): HostedProxy {
  return proxyOf(one({ concurrency }), {
    workers,
    upstreams: { shop: () => undefined },
    routeOptions: { timeoutSeconds: 0, retryPolicy: { retryOn: ["5xx"], numRetries: ATTEMPTS - 1 } },
  });
}

function open(proxy: HostedProxy, worker: number): UpstreamAttempt {
  proxy.request({ worker });
  return proxy.attempts.at(-1) as UpstreamAttempt;
}

/** A new configuration with the same budget. */
function reload(proxy: HostedProxy, i: number): void {
  const configuration = { explainHeader: `x-${i}`, budgets: [{ name: "one", concurrency: HALF }] };
  expect(proxy.configure("budget", configuration).accepted).toBe(true);
}

const fail = (attempt: UpstreamAttempt) => attempt.respond({ status: 503 });
const gauges = (proxy: HostedProxy) => [...proxy.metrics].filter(([name]) => name.startsWith(GAUGE));
/** What the gauges show, the slots in order. */
const shown = (proxy: HostedProxy) => gauges(proxy).map(([, value]) => value);
const retrying = (proxy: HostedProxy) => proxy.attempts.filter(({ number }) => number > 1).length;

/** How many of four new attempts of a worker get a retry, when they fail one after the other. */
function granted(proxy: HostedProxy, worker: number): number {
  const attempts = Array.from({ length: 4 }, () => open(proxy, worker));
  for (const attempt of attempts) fail(attempt);
  proxy.advance(RETRY_MS);
  const retries = proxy.attempts.filter(({ number }) => number > 1);
  for (const retry of retries) retry.respond({ status: 200 });
  return retries.length;
}

describe("attempts of all workers", () => {
  test("allow the retries of each", () => {
    const proxy = held({ percentage: 20, minRetryConcurrency: 0 });
    for (let i = 0; i < 10; i++) open(proxy, 0);
    expect(shown(proxy)).toEqual([10]);
    const failing = [1, 2, 3].map(() => open(proxy, 1));
    expect(shown(proxy)).toEqual([10, 3]);
    for (const attempt of failing) fail(attempt);
    proxy.advance(RETRY_MS);
    // Two of twelve, two of eleven, and then none of ten.
    expect(retrying(proxy)).toBe(2);
    expect(shown(proxy)).toEqual([10, 2]);
  });

  test("are no host calls for books, unless a retry is concerned", () => {
    const proxy = held();
    open(proxy, 0).respond({ status: 200 });
    const calls: string[] = [];
    proxy.host.intercept = (call) => void calls.push(call);
    open(proxy, 0).respond({ status: 200 });
    expect(calls.filter((call) => call.includes("shared_data"))).toEqual([]);
    expect(calls.filter((call) => call.includes("record_metric"))).toHaveLength(3);
  });

  test("of an older configuration count too, until they end", () => {
    const proxy = held();
    const old = [0, 1, 0].map((worker) => open(proxy, worker));
    reload(proxy, 0);
    // Of seven attempts, and of six when the second fails.
    expect(granted(proxy, 1)).toBe(2);
    proxy.advance(2 * FORGOTTEN_MS);
    expect(granted(proxy, 1)).toBe(2);
    for (const attempt of old) attempt.respond({ status: 200 });
    expect(shown(proxy)).toEqual([0, 0, 0]);
    expect(granted(proxy, 1)).toBe(1);
  });

  test("are what the gauge of the budget shows after a tick, and when there are none", () => {
    const proxy = held();
    const active = () => proxy.metrics.get("meshwright.retry_budget.active_requests;rule=one");
    const attempts = [0, 1, 0, 1, 0].map((worker) => open(proxy, worker));
    proxy.advance(6_000);
    expect(active()).toBe(5);
    for (const attempt of attempts) attempt.respond({ status: 200 });
    expect(active()).toBe(0);
  });
});

describe.each([
  ["in gauges", () => undefined],
  [
    "in the books, where Envoy leaves such gauges out",
    (call: string) => (call === "proxy_record_metric" ? 0 : undefined),
  ],
])("counted %s", (_, intercept) => {
  test.each([1, 2, 3])("the rule holds for each retry, over any course of events (%i)", (seed) => {
    const random = new Seeded(seed);
    const concurrency = { percentage: 30, minRetryConcurrency: 1 };
    const proxy = held(concurrency, 3);
    proxy.host.intercept = intercept;
    let expected = 0;
    const allowed = (attempt: UpstreamAttempt) => {
      const requests = proxy.attempts.length - 1;
      const retries = retrying(proxy) - (attempt.number > 1 ? 1 : 0);
      return retries < Math.max(1, Math.floor(requests * 0.3));
    };
    for (let step = 0; step < amount(2_000, 300); step++) {
      const waiting = proxy.attempts;
      const attempt = waiting[random.below(waiting.length)];
      const dice = random.below(100);
      if (attempt === undefined || dice < 48) {
        open(proxy, random.below(3));
      } else if (dice < 72) {
        attempt.respond({ status: 200 });
      } else if (dice < 95) {
        const isRetried = attempt.number < ATTEMPTS && allowed(attempt);
        expected = waiting.length - (isRetried ? 0 : 1);
        const retries = retrying(proxy) - (attempt.number > 1 ? 1 : 0) + (isRetried ? 1 : 0);
        fail(attempt);
        proxy.advance(RETRY_MS);
        expect([proxy.attempts.length, retrying(proxy)]).toEqual([expected, retries]);
      } else {
        if (dice > 97) for (const each of waiting) each.respond({ status: 200 });
        proxy.advance(random.below(2) * FORGOTTEN_MS + 5_000);
      }
    }
    expect(proxy.traps).toEqual([]);
  });
});

describe("a VM that ends in a trap", () => {
  /** Makes worker 0 trap at its `nth` host call of what `act` does; false if there are fewer. */
  function trapped(proxy: HostedProxy, nth: number, act: () => void): boolean {
    let calls = 0;
    proxy.host.intercept = () => {
      if (++calls === nth) throw new Error("trapped");
      return undefined;
    };
    act();
    proxy.host.intercept = undefined;
    return calls >= nth;
  }

  const acts: [string, (proxy: HostedProxy) => () => void][] = [
    ["when it joins the books", (proxy) => () => void open(proxy, 0)],
    [
      "when an attempt begins",
      (proxy) => {
        open(proxy, 0);
        return () => void open(proxy, 0);
      },
    ],
    [
      "when an attempt ends",
      (proxy) => {
        open(proxy, 0);
        const attempt = open(proxy, 0);
        return () => attempt.respond({ status: 200 });
      },
    ],
    [
      "when a retry is promised and begins",
      (proxy) => {
        open(proxy, 0);
        open(proxy, 0);
        const attempt = open(proxy, 0);
        return () => {
          fail(attempt);
          proxy.advance(RETRY_MS);
        };
      },
    ],
  ];

  test.each(acts)(
    "%s leaves nothing that the others do not forget, and its gauge to the next",
    (_, prepare) => {
      let traps = 0;
      for (let nth = 1; ; nth++) {
        const proxy = held();
        // Of four that fail the first is retried, for half of the others; then there are too few.
        expect(granted(proxy, 1)).toBe(1);
        if (!trapped(proxy, nth, prepare(proxy))) break;
        traps++;
        expect(proxy.traps.length).toBe(1);
        for (const attempt of proxy.attempts) attempt.cancel();
        proxy.advance(FORGOTTEN_MS);
        expect(granted(proxy, 1)).toBe(1);
        expect(granted(proxy, 0)).toBe(1);
        expect(granted(proxy, 1)).toBe(1);
        expect(gauges(proxy).length).toBeLessThanOrEqual(2);
      }
      expect(traps).toBeGreaterThan(1);
    },
  );

  test("counts for half a minute at most", () => {
    const proxy = held();
    for (let i = 0; i < 10; i++) open(proxy, 0);
    trapped(proxy, 1, () => void open(proxy, 0));
    expect(granted(proxy, 1)).toBe(4);
    proxy.advance(FORGOTTEN_MS);
    expect(granted(proxy, 1)).toBe(1);
  });
});

describe("there are no more gauges", () => {
  test("than VMs that are in the books, however often the configuration changes", () => {
    const proxy = held();
    for (let i = 0; i < 300; i++) {
      reload(proxy, i);
      for (const worker of [0, 1]) open(proxy, worker).respond({ status: 200 });
      proxy.advance(10_000);
    }
    expect(gauges(proxy).length).toBeLessThanOrEqual(2 * 4);
    expect(granted(proxy, 1)).toBe(1);
  });

  test("than a fixed number, however fast it changes; and what has none is counted in the books", () => {
    const proxy = held();
    for (let i = 0; i < 200; i++) {
      reload(proxy, i);
      open(proxy, i % 2);
    }
    expect(gauges(proxy)).toHaveLength(128);
    expect(shown(proxy).reduce((sum, each) => sum + each)).toBe(128);
    proxy.advance(6_000);
    expect(proxy.metrics.get("meshwright.retry_budget.active_requests;rule=one")).toBe(200);
  });

  test("of callers by header, who are counted in the books", () => {
    const per = { header: "x-caller" };
    const proxy = proxyOf(one({ per, concurrency: HALF }));
    for (let i = 0; i < 100; i++) proxy.request({ headers: [["x-caller", `caller-${i}`]] });
    expect(gauges(proxy)).toEqual([]);
  });
});
