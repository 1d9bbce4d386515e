// Which budget a request belongs to, in the in-process host, and the other reasons why there is no
// retry.

import "../../kit/vitest.js";
import { beforeAll, describe, expect, test } from "vitest";
import type { HeaderList, ProxyOptions } from "../../kit/index.js";
import { BARE, budgetProxies, counted, one, type ProxyOf, send } from "../../test/support/budget-proxy.js";

let proxyOf: ProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await budgetProxies());
}, 120_000);

describe("no retry", () => {
  const failing = (headers: HeaderList, delayMs = 0): ProxyOptions => ({
    upstreams: { shop: () => ({ status: 503, headers, delayMs }) },
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3 } },
  });
  const answers = (fields: object, request: object, options: ProxyOptions) => {
    const proxy = proxyOf(one(fields), options);
    const exchange = proxy.request(request);
    proxy.advance(30_000);
    return [
      exchange.attempts,
      counted(proxy, "method"),
      counted(proxy, "deadline"),
      counted(proxy, "pushback"),
    ];
  };
  const grpc: HeaderList = [["content-type", "application/grpc+proto"]];

  test.each([
    ["of a POST", {}, { method: "POST" }, [1, 1, 0, 0]],
    ["unless it is named", { methods: ["POST"] }, { method: "POST" }, [4, 0, 0, 0]],
    ["of a GET when other methods are named", { methods: ["POST"] }, {}, [1, 1, 0, 0]],
    ["but of a gRPC call", {}, { method: "POST", headers: grpc }, [4, 0, 0, 0]],
  ])("%s", (_, fields, request, expected) => {
    expect(answers(fields, request, failing([]))).toEqual(expected);
  });

  test.each([
    ["is over in the first attempt", "300m", [1, 0, 1, 0]],
    ["is over in the second", "700m", [2, 0, 1, 0]],
    ["lasts", "1M", [4, 0, 0, 0]],
    ["is invalid", "700x", [4, 0, 0, 0]],
  ])("once grpc-timeout is over: it %s", (_, timeout, expected) => {
    expect(answers({}, { headers: [["grpc-timeout", timeout]] }, failing([], 400))).toEqual(expected);
  });

  test("once the deadline is over, counting the time that other filters took", () => {
    const proxy = proxyOf(one({}), failing([]));
    const request = { headers: [["grpc-timeout", "300m"]], properties: { "request.time": 1n } } as const;
    expect(proxy.request(request).attempts).toBe(1);
    expect(counted(proxy, "deadline")).toBe(1);
  });

  test("once the deadline is over, unless the configuration ignores it", () => {
    const request = { headers: [["grpc-timeout", "300m"]] };
    expect(answers({ respectDeadline: false }, request, failing([], 400))).toEqual([4, 0, 0, 0]);
  });

  test.each([
    ["retry-after", "1", 1],
    ["retry-after", "0", 0],
    ["retry-after", "999999999999999999999999", 1],
    ["retry-after", "soon", 0],
    ["retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["retry-after", "Sun, 06 Nov 2194 08:49:37 GMT", 1],
    ["grpc-retry-pushback-ms", "0", 0],
    ["grpc-retry-pushback-ms", "250", 1],
    ["grpc-retry-pushback-ms", "-1", 1],
    ["grpc-retry-pushback-ms", "soon", 1],
  ] as const)("when the response says %s: %s", (name, value, pushed) => {
    expect(answers({}, {}, failing([[name, value]]))).toEqual([pushed ? 1 : 4, 0, 0, pushed]);
    expect(answers({ respectPushback: false }, {}, failing([[name, value]]))).toEqual([4, 0, 0, 0]);
  });
});

describe("budgets", () => {
  const spent = { ratio: { ...BARE, percentage: 0 } };
  const single = { ratio: { percentage: 0, minRetriesPerSecond: 1, ttl: "1s" } };

  test("are told apart by the value of a header, and requests without it share one", () => {
    const proxy = proxyOf(one({ per: { header: "x-caller" }, ratio: { ...single.ratio, ttl: "3s" } }));
    const callers: HeaderList[] = [[["x-caller", "a"]], [["x-caller", "b"]], []];
    const exchanges = callers.map((headers) => proxy.request({ headers }));
    proxy.advance(500);
    expect(exchanges.map((exchange) => exchange.attempts)).toEqual([4, 4, 4]);
    const again = callers.map((headers) => proxy.request({ headers }));
    proxy.advance(500);
    expect(again.map((exchange) => exchange.attempts)).toEqual([1, 1, 1]);
  });

  test("use no more keys than are configured, whatever callers send", () => {
    const proxy = proxyOf({ maxCallers: 16, ...one({ per: { header: "x-caller" } }) });
    for (let i = 0; i < 1_000; i++) proxy.request({ headers: [["x-caller", `caller-${i}`]] });
    // One more for the secret by which callers get their keys.
    expect(proxy.sharedData().size).toBe(16 + 1);
  });

  test("of clusters and routes are separate", () => {
    for (const per of [{ cluster: true }, { route: true }]) {
      const failing = () => ({ status: 503 });
      const proxy = proxyOf(one({ per, ratio: { ...single.ratio, ttl: "3s" } }), {
        upstreams: { one: failing, two: failing },
      });
      const to = (name: string) => send(proxy, 1, [["x-mesh-destination", name]])[0]?.attempts;
      expect([to("one"), to("one"), to("two")]).toEqual([4, 1, 4]);
    }
  });

  test("count the first one that matches", () => {
    const proxy = proxyOf({
      budgets: [
        { name: "none", match: { headers: [{ name: "x-batch", present: true }] }, ...spent },
        { name: "one" },
      ],
    });
    expect(send(proxy, 1, [["x-batch", "1"]])[0]?.attempts).toBe(1);
    expect(send(proxy, 1)[0]?.attempts).toBe(4);
    expect([counted(proxy, "exceeded", "none"), counted(proxy, "retried", "one")]).toEqual([1, 3]);
  });

  test("in shadow mode count, and do not act", () => {
    const proxy = proxyOf({ budgets: [{ name: "none", shadow: true, ...spent }, { name: "one" }] });
    expect(send(proxy, 1)[0]?.attempts).toBe(4);
    expect(counted(proxy, "shadow-exceeded", "none")).toBe(3);
    expect(counted(proxy, "retried", "one")).toBe(3);
  });

  test("report in a header the decision about the attempt that is answered", () => {
    const proxy = proxyOf({ explainHeader: "x-retry-budget", ...one(single) });
    const [first] = send(proxy, 1);
    expect(first?.attempts).toBe(2);
    expect(first?.response).toHaveHeader("x-retry-budget", "one;outcome=retried, one;outcome=exceeded");
    const stopped = proxyOf(
      { explainHeader: "x-retry-budget", ...one(spent) },
      { upstreams: { shop: { isStopped: true } } },
    );
    expect(send(stopped, 1)[0]?.response).toHaveHeader("x-retry-budget", "one;outcome=exceeded");
    const fine = proxyOf(
      { explainHeader: "x-retry-budget" },
      { upstreams: { shop: () => ({ headers: [["x-retry-budget", "forged"]] }) } },
    );
    expect(send(fine, 1)[0]?.response).not.toHaveHeader("x-retry-budget");
  });
});
