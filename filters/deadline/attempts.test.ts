// The filter in a cluster's chain, alone and behind one in the listener's, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { HeaderList, ProxyOptions } from "../../kit/index.js";
import {
  type Chains,
  counter,
  type DeadlineProxyOf,
  deadlineProxies,
  decisions,
  one,
  told,
} from "../../test/support/deadline-proxy.js";

let proxyOf: DeadlineProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await deadlineProxies());
}, 120_000);

const ms = (value: number): HeaderList => [["x-request-timeout-ms", String(value)]];
const grpc = (value: string): HeaderList => [
  ["content-type", "application/grpc"],
  ["te", "trailers"],
  ["grpc-timeout", value],
];

/** An upstream that says nothing, a route that gives each attempt 40 ms, and three retries. */
const SILENT: ProxyOptions = {
  upstreams: { shop: () => undefined },
  routeOptions: {
    retryPolicy: { retryOn: ["5xx", "reset"], numRetries: 3, perTryTimeoutSeconds: 0.04 },
  },
};
/** The router waits up to 25 ms before the first retry, and longer before the next ones. */
const LONG_ENOUGH = 1_000;

/** What each attempt of one request was told, and how the request ended. */
function attempt(chains: Chains, headers: HeaderList, options: ProxyOptions = SILENT) {
  const proxy = proxyOf(chains, options);
  const exchange = proxy.request({ headers });
  proxy.advance(LONG_ENOUGH);
  return { proxy, exchange, seen: proxy.upstreamSaw().map(told) };
}

const lefts = (seen: readonly Record<string, string>[]) => seen.map(({ left }) => Number(left));

describe.each([
  ["alone", {}],
  ["behind the listener's", { listener: one() }],
] as const)("in a cluster's chain, %s", (_, more) => {
  test("each attempt is told what truly remains", () => {
    const { seen } = attempt({ ...more, cluster: one() }, ms(500));
    expect(seen.length).toBe(4);
    const told = lefts(seen);
    expect(told[0]).toBe(500);
    for (let i = 1; i < told.length; i++) {
      // 40 ms of the attempt before, and the router's wait.
      expect(told[i]).toBeLessThanOrEqual((told[i - 1] ?? 0) - 40);
      expect(told[i]).toBeGreaterThanOrEqual((told[i - 1] ?? 0) - 40 - 250);
    }
  });

  test("gRPC calls are told so in grpc-timeout", () => {
    const { seen } = attempt({ ...more, cluster: one() }, grpc("500m"));
    expect(seen.length).toBe(4);
    for (const { left, grpc } of seen) expect(grpc).toBe(`${left}m`);
    expect(lefts(seen)[3]).toBeLessThanOrEqual(500 - 3 * 40);
  });

  test("an attempt that comes too late is not sent, and the router makes no further one", () => {
    const options: ProxyOptions = {
      ...SILENT,
      routeOptions: { ...SILENT.routeOptions, timeoutSeconds: 0 },
    };
    // The listener's filter would end the request by the router's timeout.
    const { proxy, exchange } = attempt({ cluster: one() }, ms(60), options);
    expect(exchange.response).toMatchObject({ status: 504 });
    expect(exchange.details).toBe("deadline_exceeded{one}");
    expect(proxy.upstreamSaw().length).toBeLessThan(exchange.attempts);
    expect(decisions(proxy)).toMatchObject({ expired: 1 });
  });

  test("the rule's own time is that of all attempts", () => {
    const { seen } = attempt({ ...more, cluster: one({ default: "400ms" }) }, []);
    const told = lefts(seen);
    expect(told[0]).toBe(400);
    for (let i = 1; i < told.length; i++) expect(told[i]).toBeLessThanOrEqual((told[i - 1] ?? 0) - 40);
  });

  test("so is the most that a rule allows", () => {
    const { seen, proxy } = attempt({ ...more, cluster: one({ max: "300ms" }) }, ms(5_000));
    const told = lefts(seen);
    expect(told[0]).toBe(300);
    for (let i = 1; i < told.length; i++) expect(told[i]).toBeLessThanOrEqual((told[i - 1] ?? 0) - 40);
    expect(decisions(proxy)).toMatchObject({ shortened: 1 });
  });

  test("a margin is taken off once", () => {
    const { seen } = attempt({ ...more, cluster: one({ margin: "10ms" }) }, ms(500), {});
    expect(lefts(seen)).toEqual([490]);
  });

  test("a rule in shadow mode changes nothing", () => {
    const { seen, proxy } = attempt({ cluster: one({ shadow: true, default: "1s" }) }, []);
    expect(seen[0]?.left).toBeUndefined();
    expect(decisions(proxy)).toMatchObject({ "shadow-started": 4 });
  });
});

describe("in a cluster's chain", () => {
  test("without a filter, Envoy tells every attempt of gRPC the same", () => {
    const { seen } = attempt({}, grpc("500m"));
    expect(seen.map(({ grpc }) => grpc)).toEqual(["500m", "500m", "500m", "500m"]);
  });

  test("the router's own header never says more than what remains", () => {
    const slow = { routeOptions: { timeoutSeconds: 5 } };
    const { seen, proxy } = attempt({ cluster: one() }, ms(300), slow);
    expect(seen).toEqual([{ left: "300", expected: "300" }]);
    // The route would wait for 5 s, although its caller has gone after 300 ms.
    expect(counter(proxy, "longer_than_caller_total")).toBe(1);
    const short = attempt({ cluster: one() }, ms(8_000), slow);
    expect(short.seen).toEqual([{ left: "8000", expected: "5000" }]);
    expect(counter(short.proxy, "longer_than_caller_total")).toBe(0);
  });

  test("the header can be the router's own", () => {
    const header = { name: "x-envoy-expected-rq-timeout-ms", trusted: true };
    const { seen } = attempt({ listener: one({ default: "500ms" }), cluster: { header } }, []);
    const expected = seen.map((each) => Number(each.expected));
    expect(expected[0]).toBe(500);
    expect(expected[3]).toBeLessThanOrEqual(500 - 3 * 40);
  });

  test("time that the request spent before its first attempt is gone", () => {
    const proxy = proxyOf({ cluster: one() });
    const exchange = proxy.open({ method: "POST", headers: ms(300) });
    proxy.advance(50);
    exchange.end();
    // The router sends the headers at once, so nothing has been lost yet.
    expect(lefts(proxy.upstreamSaw().map(told))).toEqual([300]);
  });

  test("a time that the router counts down itself is not counted down twice", () => {
    const headers: HeaderList = [...grpc("300m"), ["x-envoy-expected-rq-timeout-ms", "300"]];
    const { seen } = attempt({ cluster: one() }, headers, { routeOptions: { timeoutSeconds: 0.3 } });
    expect(seen[0]).toMatchObject({ grpc: "300m" });
  });

  test("a refusal explains itself", () => {
    const explained = one({}, { explainHeader: "x-deadline" });
    const late = attempt({ cluster: explained }, ms(0), {});
    expect(late.exchange.response?.header("x-deadline")).toBe("one;outcome=expired");
    const intime = attempt({ cluster: explained }, ms(10), {});
    expect(intime.exchange.response?.header("x-deadline")).toBe("one;outcome=passed");
  });
});
