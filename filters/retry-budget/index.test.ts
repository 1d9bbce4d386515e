// The binding, in the in-process host: workers, attempts and retries as the router makes them, and
// what a request costs.

import "../../kit/vitest.js";
import { beforeAll, describe, expect, test } from "vitest";
import { type HeaderList, loadModule } from "../../kit/index.js";
import {
  attempts,
  BARE,
  budgetProxies,
  counted,
  one,
  PROMISE_MS,
  type ProxyOf,
  remaining,
  send,
} from "../../test/support/budget-proxy.js";

let proxyOf: ProxyOf;
let path: string;

beforeAll(async () => {
  ({ module: path, proxyOf } = await budgetProxies());
}, 120_000);

describe("a ratio", () => {
  test("limits retries to 20 % of the requests, whichever worker they come to", () => {
    const proxy = proxyOf(one({ ratio: { ...BARE, ttl: "1m" } }), { workers: 4 });
    const exchanges = Array.from({ length: 1_000 }, () => {
      const exchange = proxy.request();
      proxy.advance(20);
      return exchange;
    });
    proxy.advance(1_000);
    expect(attempts(exchanges)).toBe(1_200);
    expect(counted(proxy, "retried")).toBe(200);
    expect(counted(proxy, "exceeded")).toBe(1_000);
  });

  test("gives the client the failed response unchanged when nothing is left", () => {
    const proxy = proxyOf(one({ ratio: { ...BARE, percentage: 0 } }));
    const [exchange] = send(proxy, 1);
    expect(exchange).toMatchObject({ attempts: 1, details: "via_upstream" });
    expect(exchange?.response).toMatchObject({ status: 503, body: "shop is closed" });
    expect(exchange?.response).toHaveHeader("x-shop", "closed");
  });

  test("allows a minimum in any case, which is available again when the window has passed", () => {
    const proxy = proxyOf(one({ ratio: { percentage: 0, minRetriesPerSecond: 1 } }));
    expect(send(proxy, 5).map((exchange) => exchange.attempts)).toEqual([4, 4, 4, 2, 1]);
    proxy.advance(10_000);
    expect(send(proxy, 1)[0]?.attempts).toBe(4);
  });

  test("is kept when a hundred fail at once, each with a promise or without", () => {
    const proxy = proxyOf(one({ ratio: { ...BARE, percentage: 50 } }), { workers: 4 });
    const exchanges = Array.from({ length: 100 }, () => proxy.request());
    proxy.advance(10_000);
    expect(attempts(exchanges)).toBe(150);
    expect(exchanges.every(({ response }) => response?.body === "shop is closed")).toBe(true);
  });

  const single = one({ ratio: { percentage: 0, minRetriesPerSecond: 1, ttl: "1s" } });

  test("keeps a promise only as long as the router may need for the retry", () => {
    const proxy = proxyOf(single);
    const exchange = proxy.open();
    exchange.end();
    // The router waits before its retry, and then does not make it.
    exchange.cancel();
    expect(remaining(proxy)).toBe(0);
    expect(proxy.request().attempts).toBe(1);
    proxy.advance(PROMISE_MS);
    expect(send(proxy, 1)[0]?.attempts).toBe(2);
  });

  test.each([
    ["the last attempt of its request", { retryOn: ["5xx"], numRetries: 0 }],
    ["one that its route does not retry", { retryOn: ["reset"], numRetries: 3 }],
  ] as const)("takes a promise back at once from %s", (_, policy) => {
    const retryPolicy = { ...policy, retryOn: [...policy.retryOn] };
    const proxy = proxyOf(single, { routeOptions: { retryPolicy } });
    for (let i = 0; i < 5; i++) expect(proxy.request().response?.status).toBe(503);
    expect(remaining(proxy)).toBe(1);
    expect(counted(proxy, "exceeded")).toBe(0);
  });

  test("is reported before the first request too", () => {
    expect(remaining(proxyOf({}), "default")).toBe(100);
  });

  test("retries all of a few that fail", () => {
    let requests = 0;
    const respond = (_: unknown, attempt: number) =>
      attempt === 1 && requests++ % 100 === 7 ? { status: 503 } : { body: "sold" };
    const proxy = proxyOf({}, { upstreams: { shop: respond } });
    const exchanges = send(proxy, 500);
    expect(exchanges.every(({ response }) => response?.status === 200)).toBe(true);
    expect(counted(proxy, "retried", "default")).toBe(5);
    expect(counted(proxy, "exceeded", "default")).toBe(0);
  });
});

describe("without a response", () => {
  test("the next attempt is answered, with status, body and details that say why", () => {
    const proxy = proxyOf(
      { answer: { status: 529, body: "spent\n" }, ...one({ ratio: { ...BARE, percentage: 0 } }) },
      { upstreams: { shop: { isStopped: true } } },
    );
    const [exchange] = send(proxy, 1);
    expect(exchange?.response).toMatchObject({ status: 529, body: "spent\n" });
    expect(exchange).toMatchObject({ attempts: 2, details: "retry_budget_exceeded{one}" });
    expect(counted(proxy, "exceeded")).toBe(1);
  });

  test("a method that is not retried is answered too", () => {
    const proxy = proxyOf(one({}), { upstreams: { shop: { isStopped: true } } });
    const exchange = proxy.request({ method: "POST" });
    proxy.advance(1_000);
    expect(exchange).toMatchObject({ attempts: 2, details: "retry_not_allowed{one}" });
    expect(counted(proxy, "method")).toBe(1);
  });
});

describe("concurrency", () => {
  const slow = { upstreams: { shop: () => ({ status: 503, delayMs: 1_000 }) } };

  test("lets the allowed number of retries run at once, and takes them back as they end", () => {
    const proxy = proxyOf(one({ concurrency: { percentage: 20, minRetryConcurrency: 2 } }), slow);
    const exchanges = Array.from({ length: 50 }, () => proxy.request());
    proxy.advance(1_000);
    // The first failed among fifty, the last among few: the share is of what is in progress, less
    // what is about to end.
    const retries = counted(proxy, "exceeded");
    expect(retries).toBeGreaterThanOrEqual(40);
    proxy.advance(200);
    expect(proxy.metrics.get("meshwright.retry_budget.active_retries;rule=one")).toBe(50 - retries);
    proxy.advance(20_000);
    expect(exchanges.every(({ response }) => response?.status === 503)).toBe(true);
    expect(remaining(proxy)).toBe(2);
    expect(proxy.metrics.get("meshwright.retry_budget.active_retries;rule=one")).toBe(0);
    expect(proxy.metrics.get("meshwright.retry_budget.active_requests;rule=one")).toBe(0);
  });

  test("takes back what a client left behind", () => {
    const proxy = proxyOf(one({ concurrency: {} }), slow);
    const exchanges = Array.from({ length: 10 }, () => proxy.open());
    for (const exchange of exchanges) exchange.cancel();
    expect(proxy.metrics.get("meshwright.retry_budget.active_requests;rule=one")).toBe(0);
  });
});

describe("host calls", () => {
  const PLAIN: HeaderList = [
    [":method", "GET"],
    [":path", "/"],
    [":authority", "shop.test"],
  ];
  const retry = { "upstream.request_attempt_count": 2 };

  test.each([
    ["of a request that is answered", {}, "200", {}, 8],
    ["of one that fails, and does not get the promised retry", {}, "503", {}, 22],
    ["of one that fails, and is not", one({ ratio: { ...BARE, percentage: 0 } }), "503", {}, 17],
    ["of a retry", {}, "200", retry, 12],
    ["with concurrency", one({ concurrency: {} }), "200", {}, 16],
    ["in a listener's chain", { where: "downstream" }, "200", {}, 12],
  ] as const)("%s", (_, configuration, status, properties, calls) => {
    const module = loadModule(path);
    module.configure(JSON.stringify(configuration));
    // The first request sets the timer of the gauges.
    module.exchange(PLAIN);
    const { hostCalls } = module.exchange(PLAIN, { response: [[":status", status]], properties });
    expect([...hostCalls.values()].reduce((sum, count) => sum + count, 0)).toBe(calls);
  });
});

describe("requests beside the books", () => {
  /** A counter that Envoy does not keep, because its `stats_matcher` leaves it out. */
  const withoutCounters = (proxy: ReturnType<ProxyOf>): void => {
    proxy.host.intercept = (call) => (call === "proxy_increment_metric" ? 0 : undefined);
  };
  const settings = one({ ratio: { ...BARE, ttl: "10s", percentage: 10 } });

  test.each([
    ["its name asked of Envoy", {}],
    ["its name in the settings", { per: { cluster: "shop" } }],
  ])("are counted exactly over all workers and steps, with %s", (_, per) => {
    const healthy = { upstreams: { shop: () => ({ status: healthyUntil > proxyTime ? 200 : 503 }) } };
    let proxyTime = 0;
    const healthyUntil = 9_000;
    const proxy = proxyOf(one({ ratio: { ...BARE, ttl: "10s", percentage: 10 }, ...per }), {
      workers: 4,
      ...healthy,
    });
    for (; proxyTime < healthyUntil; proxyTime += 10) {
      proxy.request();
      proxy.advance(10);
    }
    const failing = Array.from({ length: 200 }, () => proxy.request());
    proxy.advance(1_000);
    expect(attempts(failing) - 200).toBe((900 + 200) / 10);
  });

  test("are counted in the books where Envoy keeps no counters", () => {
    const proxy = proxyOf(settings, { workers: 2 });
    withoutCounters(proxy);
    const exchanges = Array.from({ length: 100 }, () => proxy.request());
    proxy.advance(1_000);
    expect(attempts(exchanges)).toBe(110);
  });

  test("of another budget, plugin or VM have another counter", () => {
    const module = loadModule(path, { vmId: "one" });
    const budgets = [{ name: "a", match: { method: "GET" } }, { name: "b" }];
    const properties = { "xds.cluster_name": "shop" };
    module.configure(JSON.stringify({ budgets }), { plugin: "first" });
    module.exchange([[":method", "GET"]], { properties });
    module.exchange([[":method", "HEAD"]], { properties });
    module.configure(JSON.stringify({ budgets }), { plugin: "second" });
    module.exchange([[":method", "GET"]], { properties });
    const other = loadModule(path, { vmId: "two" });
    other.configure(JSON.stringify({ budgets }), { plugin: "first" });
    other.exchange([[":method", "GET"]], { properties });
    const names = [module, other].flatMap(({ metrics }) =>
      [...metrics.keys()].filter((name) => name.includes(".requests_total;")),
    );
    expect(new Set(names).size).toBe(4);
  });
});

test.each([
  ["a share that is drawn for each attempt", { share: { percentage: 50 } }],
  [
    "a match of what the router says",
    { match: { headers: [{ name: "x-envoy-attempt-count", exact: "2" }] } },
  ],
])("a retry is limited whose first attempt did not count, by %s", (_, selection) => {
  const proxy = proxyOf(one({ ...selection, ratio: { ...BARE, percentage: 0 } }), {
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 1 } },
  });
  const exchanges = send(proxy, 40);
  const retried = exchanges.filter((exchange) => exchange.attempts === 2);
  // A retry that was begun and that counts is answered.
  expect(retried.length).toBeGreaterThan(5);
  expect(counted(proxy, "exceeded")).toBeGreaterThan(5);
  expect(counted(proxy, "retried")).toBe(0);
});

test.each(["1", "1,1", "0", "-1", "999999999999", "abc", ""])(
  "a client's x-envoy-attempt-count %j has no effect",
  (value) => {
    const proxy = proxyOf(one({ ratio: { ...BARE, percentage: 0 } }), { upstreams: { shop: () => ({}) } });
    expect(send(proxy, 1, [["x-envoy-attempt-count", value]])[0]?.response?.status).toBe(200);
  },
);
