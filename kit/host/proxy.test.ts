// The whole proxy in process: workers, chains, what a test may drive and look at, and what it must
// not do.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { type HostedProxy, hostProxy } from "./proxy.js";
import type { ProxyOptions } from "./proxy-options.js";

let commands: Commands;

beforeAll(async () => {
  commands = await buildCommands();
});

afterAll(() => commands[Symbol.asyncDispose]());

/** One worker, and one filter for each name, whose configuration is the name. */
function proxyOf(names: readonly string[], options: ProxyOptions = {}): HostedProxy {
  const { module } = commands;
  return hostProxy({
    workers: 1,
    filters: names.map((name) => ({ name, module, configuration: name })),
    ...options,
  });
}

const said = (proxy: HostedProxy) => proxy.logs.map(({ text }) => text);

describe("a request", () => {
  test("reaches its upstream with Envoy's headers, and its answer comes back with Envoy's", () => {
    const proxy = hostProxy({ upstreams: { upstream: () => ({ body: "hello" }) } });
    const { response, details, flags } = proxy.request({ headers: [["X-One", "1"]], body: "abc" });
    expect(response).toMatchObject({ status: 200, body: "hello", end: "whole" });
    expect(response?.headers).toEqual([
      ["date", "Thu, 01 Jan 2026 00:00:00 GMT"],
      ["content-length", "5"],
      ["x-envoy-upstream-service-time", "0"],
      ["server", "envoy"],
    ]);
    expect([details, flags]).toEqual(["via_upstream", "-"]);
    const [seen] = proxy.upstreamSaw();
    expect(seen).toMatchObject({ method: "POST", path: "/", body: "abc" });
    expect(seen?.headers.map(([name]) => name)).toEqual([
      "host",
      "content-length",
      "x-one",
      "x-forwarded-proto",
      "x-request-id",
      "x-envoy-expected-rq-timeout-ms",
      "x-envoy-attempt-count",
    ]);
  });

  test("passes the chain in its order, and its answer in the reverse order", () => {
    const proxy = proxyOf(["a", "b"]);
    expect(proxy.request().callbacks).toEqual([
      "a:on_context_create",
      "a:on_request_headers",
      "b:on_context_create",
      "b:on_request_headers",
      "b:on_response_headers",
      "a:on_response_headers",
      "a:on_log",
      "b:on_log",
      "a:on_done",
      "a:on_delete",
      "b:on_done",
      "b:on_delete",
    ]);
  });

  test("comes piece by piece, and is held when a filter holds it", () => {
    const proxy = proxyOf(["a", "b"], { upstreams: { upstream: () => ({ body: ["x", "y"] }) } });
    const exchange = proxy.open(doing("b@request_body=stop1"));
    exchange.sendBody("one ");
    exchange.sendBody("two");
    expect(proxy.upstreamSaw()).toEqual([]);
    expect([exchange.isRequestPaused, exchange.response]).toEqual([true, undefined]);
    exchange.end();
    expect(proxy.upstreamSaw()[0]?.body).toBe("one two");
    expect(exchange.response).toMatchObject({ status: 200, body: "xy" });
    expect(exchange.response?.header("transfer-encoding")).toBe("chunked");
  });

  test("with HTTP/2 has trailers both ways if the upstream speaks it too", () => {
    const respond = () => ({ trailers: [["x-sum", "1"] as const] });
    const proxy = hostProxy({ upstreams: { upstream: { protocol: "http2", respond } } });
    const exchange = proxy.request({ protocol: "http2", body: "abc", trailers: [["X-End", "yes"]] });
    expect(proxy.upstreamSaw()[0]?.trailers).toEqual([["x-end", "yes"]]);
    expect(exchange.response?.trailers).toEqual([["x-sum", "1"]]);
  });

  test("that the client breaks off ends, and its attempt with it", () => {
    const proxy = proxyOf(["a"], { upstreams: { upstream: () => undefined } });
    const exchange = proxy.request();
    const [attempt] = proxy.attempts;
    exchange.cancel();
    expect([exchange.response?.end, exchange.details, exchange.flags]).toEqual([
      "reset",
      "downstream_remote_disconnect",
      "DC",
    ]);
    expect(exchange.callbacks.at(-1)).toBe("a:on_delete");
    expect(proxy.attempts).toEqual([]);
    expect(() => attempt?.respond({})).toThrow(/over: nobody waits/);
  });

  test("with a path that Envoy cannot normalize is answered 400, past the filters", () => {
    const proxy = proxyOf(["a"]);
    const exchange = proxy.request({ path: "/a#b" });
    expect([exchange.response?.status, exchange.details]).toEqual([400, "path_normalization_failed"]);
    expect(proxy.upstreamSaw()).toEqual([]);
  });

  test.each([
    ["/a/./b/../c?x=/../y", "/a/c?x=/../y"],
    ["/a/%2e%2E/b", "/b"],
    ["/../..", "/"],
    ["/a\\..\\b", "/b"],
    ["/a//b/.", "/a//b/"],
  ])("for %s arrives at %s", (path, normal) => {
    const proxy = hostProxy();
    proxy.request({ path });
    expect(proxy.upstreamSaw()[0]?.path).toBe(normal);
  });

  test("keeps its id and loses the headers that only Envoy may set", () => {
    const proxy = hostProxy();
    proxy.request({
      headers: [
        ["x-request-id", "mine"],
        ["x-envoy-retry-on", "5xx"],
        ["connection", "close"],
      ],
    });
    const [seen] = proxy.upstreamSaw();
    expect(seen?.header("X-Request-Id")).toBe("mine");
    expect([seen?.header("x-envoy-retry-on"), seen?.header("connection")]).toEqual([undefined, undefined]);
  });

  test("has attributes that filters read, which the test may replace", () => {
    const proxy = proxyOf(["a"]);
    proxy.request({ ...doing("a@request_headers=read:request~url_path"), path: "/x?y" });
    proxy.request({
      ...doing("a@request_headers=read:source.address"),
      properties: { "source.address": "me" },
    });
    proxy.request(doing("a@request_headers=read:no.such.thing"));
    proxy.request(doing("a@request_headers=read:source~address"));
    proxy.request(doing("a@request_headers=read:destination.address"));
    expect(said(proxy).slice(-5)).toEqual(["/x", "me", "none", "127.0.0.1:50000", "127.0.0.1:10000"]);
  });
});

describe("a filter's own answer", () => {
  test("passes the response callbacks of the filters that saw the request", () => {
    const proxy = proxyOf(["a", "b", "c"]);
    const exchange = proxy.request(doing("b@request_headers=reply403"));
    expect(exchange.response).toMatchObject({ status: 403, body: "from b" });
    expect([exchange.details, exchange.localReply?.details]).toEqual(["no_way", "no_way"]);
    expect(exchange.callbacks.filter((name) => name.endsWith("response_headers"))).toEqual([
      "b:on_response_headers",
      "a:on_response_headers",
    ]);
    expect(exchange.callbacks).toContain("c:on_log");
    expect(proxy.upstreamSaw()).toEqual([]);
  });

  test("to a response goes past the other filters, and after the response's headers breaks it off", () => {
    const proxy = proxyOf(["a", "b"], { upstreams: { upstream: () => ({ body: "x" }) } });
    const early = proxy.request(doing("b@response_headers=reply502"));
    expect(early.response).toMatchObject({ status: 502, body: "from b", end: "whole" });
    expect(early.callbacks).not.toContain("a:on_response_headers");
    const late = proxy.request(doing("b@response_body=reply502"));
    expect([late.response?.status, late.response?.end, late.details]).toEqual([200, "reset", "no_way"]);
  });

  test("may be followed by another filter's", () => {
    const exchange = proxyOf(["a", "b"]).request(
      doing("b@request_headers=reply401,a@response_headers=reply402"),
    );
    expect(exchange.response).toMatchObject({ status: 402, body: "from a" });
  });

  test("is not waited for when the filter closes the stream", () => {
    const exchange = proxyOf(["a"]).request(doing("a@request_headers=close"));
    expect([exchange.response?.status, exchange.response?.end]).toEqual([0, "reset"]);
    expect(exchange.details).toBe("wasm_close_stream");
  });

  test("is Envoy's when a body is larger than may be held", () => {
    const proxy = proxyOf(["a"], { bufferLimit: 10 });
    const exchange = proxy.request({ ...doing("a@request_body=stop1"), body: "01234567890" });
    expect([exchange.response?.status, exchange.details]).toEqual([413, "request_payload_too_large"]);
  });
});

describe("workers", () => {
  test("have each filter once, after it was tried out and started on the main thread", () => {
    expect(said(proxyOf(["a", "b"], { workers: 2 }))).toEqual([
      ...["configure a", "configure a", "configure b", "configure b"],
      ...["configure a", "configure b", "configure a", "configure b"],
    ]);
  });

  test("all tick, and the main thread too", () => {
    const proxy = proxyOf(["tick"], { workers: 3 });
    proxy.advance(40);
    expect(said(proxy).filter((text) => text === "tick tick")).toHaveLength(4);
  });

  test("serve in turn, and share data and metrics", () => {
    const proxy = proxyOf(["a"], { workers: 2 });
    const share = doing("a@request_headers=share,a@log=count");
    expect([proxy.request(share).worker, proxy.request(share).worker]).toEqual([0, 1]);
    expect(said(proxy).slice(-2)).toEqual(["shared nothing", "shared a"]);
    expect(proxy.sharedData()).toEqual(new Map([["a", "a"]]));
    expect(proxy.metrics.get("requests")).toBe(2);
  });

  test("let filters with the same vmId share data, but not with different ones", () => {
    const { module } = commands;
    const filters = ["a", "b"].map((name) => ({ name, module, configuration: "same", vmId: name }));
    const proxy = proxyOf([], { filters });
    proxy.request(doing("same@request_headers=share"));
    expect(said(proxy).slice(-2)).toEqual(["shared nothing", "shared nothing"]);
    const together = proxyOf([], { filters: filters.map((filter) => ({ ...filter, vmId: "vm" })) });
    together.request(doing("same@request_headers=share"));
    expect(said(together).slice(-2)).toEqual(["shared nothing", "shared same"]);
  });

  test("draw the same random numbers for the same seed, and others for another", () => {
    const random = (seed: number) => {
      const proxy = proxyOf(["a"], { seed });
      proxy.request(doing("a@request_headers=random"));
      return [said(proxy).at(-1), proxy.upstreamSaw()[0]?.header("x-request-id")];
    };
    expect(random(1)).toEqual(random(1));
    expect(random(1)).not.toEqual(random(2));
  });
});

describe("a test must not", () => {
  const exchangeOf = () => proxyOf([], { upstreams: { upstream: () => undefined } });

  test.each<[string, () => unknown, RegExp]>([
    ["name an unknown upstream", () => hostProxy().upstreamSaw("nope"), /no upstream "nope".*only: upstream/],
    ["have no upstream at all", () => hostProxy({ upstreams: {} }), /^upstreams is empty: give at least one/],
    [
      "name an unknown default upstream",
      () => hostProxy({ defaultUpstream: "x", upstreams: { y: () => ({}) } }),
      /default upstream x/,
    ],
    ["configure an unknown filter", () => hostProxy().configure("nope"), /no filter "nope"/],
    ["ask for an unknown worker", () => hostProxy().request({ worker: 2 }), /no worker 2.*0 to 1/],
    ["have no worker", () => hostProxy({ workers: 0 }), /1 to 64/],
    ["name two filters alike", () => proxyOf(["a", "a"]), /two filters.*"a"/],
    [
      "name a module that does not exist",
      () => hostProxy({ filters: [{ name: "a", module: "/no/such.wasm" }] }),
      /no module at \/no\/such\.wasm/,
    ],
    [
      "drive a proxy that was closed",
      () => {
        const proxy = hostProxy();
        proxy.close();
        proxy.request();
      },
      /was closed/,
    ],
    [
      "send more after the end",
      () => {
        const exchange = hostProxy().open();
        exchange.end();
        exchange.sendBody("x");
      },
      /sendBody: the request has ended/,
    ],
    [
      "answer twice",
      () => {
        const proxy = exchangeOf();
        proxy.request();
        const [attempt] = proxy.attempts;
        attempt?.respond({ fault: "never" });
        attempt?.respond({});
      },
      /answered already/,
    ],
  ])("%s", (_name, misuse, message) => {
    expect(misuse).toThrow(message);
  });
});
