// The router in process: where a request goes, what is tried again, and how much time it has.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UpstreamResponse } from "../traffic.js";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { type HostedProxy, hostProxy } from "./proxy.js";
import type { ProxyOptions } from "./proxy-options.js";

let commands: Commands;

beforeAll(async () => {
  commands = await buildCommands();
});

afterAll(() => commands[Symbol.asyncDispose]());

/**
 * A filter `a` downstream and `u` upstream, before an upstream that gives these answers in turn and
 * then repeats the last one.
 */
function proxyOf(answers: readonly UpstreamResponse[], options: ProxyOptions = {}): HostedProxy {
  const { module } = commands;
  let next = 0;
  return hostProxy({
    workers: 1,
    filters: [{ name: "a", module, configuration: "a" }],
    upstreamFilters: [{ name: "u", module, configuration: "u" }],
    upstreams: { upstream: () => answers[Math.min(next++, answers.length - 1)] },
    ...options,
  });
}

/** Sends a request, and lets a second pass. */
function sent(proxy: HostedProxy, commands = "") {
  const exchange = proxy.request({ ...doing(commands), body: "abc" });
  proxy.advance(1_000);
  return exchange;
}

const retryOn = (...names: string[]): ProxyOptions => ({
  routeOptions: { retryPolicy: { retryOn: names, numRetries: 2, retriableStatusCodes: [418] } },
});

describe("a route", () => {
  test("is chosen by the header, even if a filter has written it", () => {
    const upstreams = { one: () => ({ body: "1" }), two: () => ({ body: "2" }) };
    const proxy = proxyOf([], { upstreams, defaultUpstream: "two" });
    const to = (name: string) => proxy.request({ headers: [["x-mesh-destination", name]] });
    expect([to("one").response?.body, to("one").route, to("one").cluster]).toEqual(["1", "one", "one"]);
    expect([to("none").response?.body, to("none").route, to("none").cluster]).toEqual([
      "2",
      "(fallback)",
      "two",
    ]);
    expect(sent(proxy, "a@request_headers=set:x-mesh-destination:one").cluster).toBe("one");
    expect(proxy.upstreamSaw("two")).toHaveLength(3);
  });

  test("may use another header, and set another host", () => {
    const proxy = proxyOf([{}], { routeOptions: { header: "X-To", hostRewrite: "inner.test" } });
    expect(
      proxy.request({
        headers: [
          ["x-to", "upstream"],
          ["host", "shop.test"],
        ],
      }).route,
    ).toBe("upstream");
    expect(proxy.upstreamSaw()[0]?.header("host")).toBe("inner.test");
  });
});

describe("another attempt", () => {
  test("follows a failed one after a random wait, with the whole body and its number", () => {
    const proxy = proxyOf([{ status: 503 }, { status: 200, body: "ok" }], retryOn("5xx"));
    const exchange = proxy.request({ ...doing(""), body: ["ab", "c"] });
    expect([exchange.response, exchange.attempts]).toEqual([undefined, 1]);
    proxy.advance(25);
    expect([exchange.response?.body, exchange.attempts, exchange.flags]).toEqual(["ok", 2, "-"]);
    expect(
      proxy.upstreamSaw().map((request) => [request.body, request.header("x-envoy-attempt-count")]),
    ).toEqual([
      ["abc", "1"],
      ["abc", "2"],
    ]);
  });

  test("passes the upstream chain, and not the downstream one", () => {
    const { callbacks } = sent(proxyOf([{ status: 503 }, {}], retryOn("5xx")));
    const count = (name: string) => callbacks.filter((other) => other === name).length;
    expect(["a:on_request_headers", "u:on_request_headers", "u:on_delete", "u:on_log"].map(count)).toEqual([
      1, 2, 2, 0,
    ]);
  });

  test("sees what an upstream filter wrote into the headers of the attempt before it", () => {
    const proxy = proxyOf([{ status: 503 }, {}], retryOn("5xx"));
    sent(proxy, "u@request_headers=set:x-more:1");
    expect(proxy.upstreamSaw()[1]?.headers.filter(([name]) => name === "x-more")).toHaveLength(2);
  });

  test("is not made beyond the limit", () => {
    const exchange = sent(proxyOf([{ status: 503, body: "no" }], retryOn("5xx")));
    expect([exchange.response?.status, exchange.response?.body, exchange.attempts]).toEqual([503, "no", 3]);
    expect([exchange.details, exchange.flags]).toEqual(["via_upstream", "URX"]);
  });

  test.each<[string, UpstreamResponse, number]>([
    ["5xx", { status: 500 }, 2],
    ["5xx", { status: 404 }, 1],
    ["5xx", { fault: "reset" }, 2],
    ["gateway-error", { status: 500 }, 1],
    ["gateway-error", { status: 502 }, 2],
    ["retriable-4xx", { status: 409 }, 2],
    ["retriable-4xx", { status: 404 }, 1],
    ["retriable-status-codes", { status: 418 }, 2],
    ["retriable-status-codes", { status: 503 }, 1],
    ["reset", { fault: "reset" }, 2],
    ["reset", { status: 503 }, 1],
    ["connect-failure", { fault: "reset" }, 1],
    ["unavailable", { headers: [["grpc-status", "14"]] }, 2],
    ["5xx", { status: 503, headers: [["x-envoy-ratelimited", "true"]] }, 1],
  ])("for %s follows %j or not", (name, answer, attempts) => {
    expect(sent(proxyOf([answer, {}], retryOn(name))).attempts).toBe(attempts);
  });

  test("is asked for by headers that a filter writes", () => {
    const proxy = proxyOf([{ status: 503 }]);
    const ask = "a@request_headers=set:x-envoy-retry-on:5xx";
    expect(sent(proxy, ask).attempts).toBe(2);
    expect(proxy.upstreamSaw()[0]?.header("x-envoy-retry-on")).toBeUndefined();
  });

  test("follows neither an upstream filter's own answer nor a mark of a rate limit", () => {
    const proxy = proxyOf([{ status: 503, body: "no" }], retryOn("5xx"));
    const own = sent(proxy, "u@response_headers=reply403");
    expect([own.response?.status, own.response?.body, own.attempts]).toEqual([403, "from u", 1]);
    const marked = sent(proxy, "u@response_headers=answer:x-envoy-ratelimited:1");
    expect([marked.response?.status, marked.response?.body, marked.attempts]).toEqual([503, "no", 1]);
  });

  test("follows a refused connection, and the client is told of the last failure", () => {
    const upstreams = { upstream: { isStopped: true } };
    const exchange = sent(proxyOf([], { upstreams, ...retryOn("connect-failure") }));
    expect([exchange.response?.status, exchange.attempts, exchange.flags]).toEqual([503, 3, "URX,UF"]);
    expect(exchange.response?.body).toMatch(/retried and the latest reset reason: remote connection failure/);
  });
});

describe("an upstream that breaks off", () => {
  test("before its answer becomes a 503", () => {
    const exchange = sent(proxyOf([{ fault: "reset" }]));
    expect(exchange.response).toMatchObject({
      status: 503,
      body: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    });
    expect([exchange.details, exchange.flags]).toEqual([
      "upstream_reset_before_response_started{connection_termination}",
      "UC",
    ]);
  });

  test("within its answer breaks that off", () => {
    const exchange = sent(proxyOf([{ body: "half", fault: "reset-in-body" }]));
    expect(exchange.response).toMatchObject({ status: 200, body: "half", end: "reset" });
    expect(exchange.details).toBe("upstream_reset_after_response_started{protocol_error}");
  });
});

describe("time", () => {
  test("runs out for the route", () => {
    const proxy = proxyOf([{ fault: "never" }], { routeOptions: { timeoutSeconds: 0.2 } });
    const exchange = proxy.request();
    proxy.advance(199);
    expect(exchange.response).toBeUndefined();
    proxy.advance(1);
    expect(exchange.response).toMatchObject({ status: 504, body: "upstream request timeout" });
    expect([exchange.details, exchange.flags]).toEqual(["response_timeout", "UT"]);
  });

  test("runs out for an attempt, even while an upstream filter holds it", () => {
    const retryPolicy = { retryOn: ["5xx"], perTryTimeoutSeconds: 0.05 };
    const proxy = proxyOf([{ body: "in time" }], { routeOptions: { retryPolicy } });
    const exchange = sent(proxy, "u@request_headers=stop1");
    expect([exchange.response?.status, exchange.details, exchange.flags]).toEqual([
      504,
      "upstream_per_try_timeout",
      "URX,UT",
    ]);
  });

  test("is set by a filter's header, and the upstream is told how much is left", () => {
    const proxy = proxyOf([{ delayMs: 500 }]);
    const exchange = sent(proxy, "a@request_headers=set:x-envoy-upstream-rq-timeout-ms:100");
    expect(exchange.details).toBe("response_timeout");
    expect(proxy.upstreamSaw()[0]?.header("x-envoy-expected-rq-timeout-ms")).toBe("100");
  });

  test("passes for delayed answers and between their pieces", () => {
    const proxy = proxyOf([{ delayMs: 30, body: ["x", "y"], pieceDelayMs: 20 }]);
    const exchange = proxy.request();
    proxy.advance(30);
    expect([exchange.bodySoFar, exchange.response]).toEqual(["x", undefined]);
    expect(exchange.headersSoFar).toContainEqual(["x-envoy-upstream-service-time", "30"]);
    proxy.advance(20);
    expect(exchange.bodySoFar).toBe("xy");
    proxy.advance(20);
    expect(exchange.response?.end).toBe("whole");
  });
});
