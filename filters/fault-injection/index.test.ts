// The binding, in the in-process host: the cost of a request that meets no fault, attempts as the
// router makes them, and responses of every shape.

import "../../kit/vitest.js";
import { beforeAll, describe, expect, test } from "vitest";
import {
  filterModule,
  type HeaderList,
  type HostedProxy,
  hostProxy,
  loadModule,
  type ProxyOptions,
  type UpstreamResponse,
} from "../../kit/index.js";
import type { FaultInjectionConfig } from "./schema.js";

type Rule = FaultInjectionConfig["rules"][number];

const METRICS = "meshwright.fault_injection.";
const GRPC: HeaderList = [["content-type", "application/grpc"]];

let path: string;

beforeAll(async () => {
  path = await filterModule("fault-injection");
}, 120_000);

/** An upstream that answers with a body of known length. */
function proxyOf(configuration: FaultInjectionConfig, options: ProxyOptions = {}): HostedProxy {
  const filter = { name: "fault", module: path, configuration: JSON.parse(JSON.stringify(configuration)) };
  const chain = configuration.where === "upstream" ? { upstreamFilters: [filter] } : { filters: [filter] };
  return hostProxy({
    ...chain,
    upstreams: { shop: () => ({ headers: [["content-length", "4"]], body: "sold" }) },
    ...options,
  });
}

/** HTTP/1.1 would lose the trailers. */
const http2 = (respond: () => UpstreamResponse) => ({ protocol: "http2" as const, respond });
const one = (fields: Omit<Rule, "name">): FaultInjectionConfig => ({ rules: [{ name: "one", ...fields }] });
const upstream = (fields: Omit<Rule, "name">): FaultInjectionConfig => ({
  where: "upstream",
  ...one(fields),
});
const active = (proxy: HostedProxy) => proxy.metrics.get(`${METRICS}active_faults;rule=one`);

describe("a request's host calls", () => {
  const CALLS: readonly (readonly [string, FaultInjectionConfig, Record<string, number>])[] = [
    ["are none when no rule tests anything", { rules: [] }, {}],
    [
      "are one read when a rule tests a header",
      one({ abort: { status: 503 }, match: { headers: [{ name: "x-a", exact: "1" }] } }),
      { proxy_get_header_map_pairs: 1 },
    ],
    [
      "are the metrics, the filter state and the answer when it is aborted",
      one({ abort: { status: 503 } }),
      {
        proxy_get_header_map_value: 1,
        proxy_increment_metric: 5,
        proxy_set_property: 1,
        proxy_send_local_response: 1,
      },
    ],
    [
      "are one count for a shadow",
      one({ abort: { status: 503 }, shadow: true }),
      { proxy_increment_metric: 1 },
    ],
  ];

  test.each(CALLS)("%s", (_, configuration, calls) => {
    const module = loadModule(path);
    expect(module.configure(JSON.stringify(configuration))).toEqual({ accepted: true, logs: [] });
    expect(Object.fromEntries(module.exchange([[":path", "/"]]).hostCalls)).toEqual(calls);
  });
});

test("a client that asks only for an abort adds no length to the delays", () => {
  const calls = (headers: HeaderList) => {
    const module = loadModule(path);
    module.configure(JSON.stringify({ clientFaults: {}, rules: [] }));
    return Object.fromEntries(module.exchange([[":path", "/"], ...headers]).hostCalls);
  };
  const abort = ["x-envoy-fault-abort-request", "503"] as const;
  expect(calls([abort])).not.toHaveProperty("proxy_record_metric");
  expect(calls([abort, ["x-envoy-fault-delay-request", "0"]])).toMatchObject({ proxy_record_metric: 1 });
});

describe("a delay", () => {
  test("holds a request with its body, and then sends it on whole", () => {
    const proxy = proxyOf(one({ delay: { fixed: "100ms" } }));
    const exchange = proxy.request({ method: "POST", body: "two apples" });
    proxy.advance(90);
    expect(exchange.response).toBeUndefined();
    expect(active(proxy)).toBe(1);
    proxy.advance(12);
    expect(exchange.response).toMatchObject({ status: 200, body: "sold" });
    expect(exchange.sizes.request).toBeGreaterThanOrEqual("two apples".length);
    expect(active(proxy)).toBe(0);
  });

  test("ends with the client, and the next stream waits for its own delay", () => {
    const proxy = proxyOf(one({ delay: { fixed: "100ms" } }));
    const left = proxy.request();
    proxy.advance(50);
    left.cancel();
    expect(active(proxy)).toBe(0);
    const next = proxy.request();
    proxy.advance(60);
    expect(next.response).toBeUndefined();
    proxy.advance(60);
    expect(next.response).toMatchObject({ status: 200 });
    expect(proxy.traps).toEqual([]);
  });

  test.each([
    [100, {}],
    [2, { maxActive: 2 }],
  ])("that clients ask for holds no more than %i requests at once with %j", (most, limits) => {
    const proxy = proxyOf({ clientFaults: limits, rules: [] }, { workers: 2 });
    const headers: HeaderList = [["x-envoy-fault-delay-request", "100"]];
    const exchanges = Array.from({ length: most + 50 }, () => proxy.request({ headers }));
    expect(exchanges.filter(({ response }) => response === undefined)).toHaveLength(most);
    expect(proxy).toHaveMetric(`${METRICS}decisions_total;rule=client;outcome=limited`, 50);
    proxy.advance(110);
    expect(exchanges.every(({ response }) => response?.status === 200)).toBe(true);
    expect(proxy.request({ headers }).response).toBeUndefined();
  });

  test("holds no more requests at once than the limit of the rule, or of all rules", () => {
    for (const limit of ["rule", "all"] as const) {
      const rule = one({ delay: { fixed: "100ms" }, ...(limit === "rule" && { maxActive: 2 }) });
      const proxy = proxyOf(limit === "rule" ? rule : { maxActive: 2, ...rule }, { workers: 2 });
      const exchanges = Array.from({ length: 5 }, () => proxy.request());
      expect(exchanges.filter(({ response }) => response === undefined)).toHaveLength(2);
      expect(proxy).toHaveMetric(`${METRICS}decisions_total;rule=one;outcome=limited`, 3);
      proxy.advance(110);
      expect(proxy.request().response).toBeUndefined();
      expect(active(proxy)).toBe(1);
    }
  });
});

describe("an aborted attempt", () => {
  const RETRIES: ProxyOptions = { routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 2 } } };
  const FIRST = { headers: [{ name: "x-envoy-attempt-count", exact: "1" }] };

  test("is retried, and the upstream answers the retry", () => {
    const proxy = proxyOf(upstream({ match: FIRST, abort: { status: 503 } }), RETRIES);
    const exchange = proxy.request();
    proxy.advance(1000);
    expect(exchange.response).toMatchObject({ status: 200, body: "sold" });
    expect(exchange.attempts).toBe(2);
  });

  test("that is the last one reaches the client as the abort, with nothing from the upstream's response", () => {
    const abort = { status: 503, body: "out of order", headers: [{ name: "x-shop", value: "shut" }] };
    const proxy = proxyOf(upstream({ abort }), {
      upstreams: {
        shop: http2(() => ({
          headers: [
            ["content-length", "4"],
            ["x-secret", "1"],
          ],
          body: "sold",
          trailers: [["x-sum", "1"]],
        })),
      },
    });
    const { response } = proxy.request({ protocol: "http2" });
    expect(response).toMatchObject({ status: 503, body: "out of order", end: "whole" });
    expect(response).toHaveHeader("x-shop", "shut");
    expect(response).toHaveHeader("content-type", "text/plain");
    expect(response?.headers.map(([name]) => name)).not.toContain("x-secret");
    expect(response?.headers.map(([name]) => name)).not.toContain("content-length");
    expect(response?.trailers).toEqual([]);
  });

  test("of a gRPC call has its status in headers for the router, and in trailers for the client", () => {
    const abort = { grpcStatus: 14, body: "shut\nfor today" };
    const proxy = proxyOf(upstream({ abort }), {
      upstreams: {
        shop: http2(() => ({ headers: GRPC, body: "message", trailers: [["grpc-status", "0"]] })),
      },
    });
    const { response } = proxy.request({ method: "POST", headers: GRPC, protocol: "http2" });
    expect(response).toMatchObject({ status: 200, body: "" });
    expect(response).toHaveHeader("grpc-status", "14");
    expect(response?.trailers).toEqual([
      ["grpc-status", "14"],
      ["grpc-message", "shut%0Afor today"],
    ]);
  });

  test("that would upgrade to another protocol, and so never end, is answered by the filter", () => {
    const module = loadModule(path);
    const abort = { status: 503, body: "shut", headers: [{ name: "x-shop", value: "shut" }] };
    const config = { ...upstream({ abort }), explainHeader: "x-why" };
    expect(module.configure(JSON.stringify(config))).toMatchObject({ accepted: true });
    const { localReply } = module.exchange([
      [":path", "/"],
      ["upgrade", "websocket"],
    ]);
    expect(localReply).toMatchObject({ status: 503, body: "shut", details: "fault_injection_abort{one}" });
    expect(localReply?.headers).toEqual([
      ["x-shop", "shut"],
      ["x-why", "one;outcome=aborted"],
    ]);
  });

  test("that is held until its limit ends with 504, and says why", () => {
    const config = { ...upstream({ blackHole: { limit: "1s" } }), explainHeader: "x-why" };
    const proxy = proxyOf(config, RETRIES);
    const held = proxy.request();
    proxy.advance(1010);
    expect(held.response).toMatchObject({ status: 504 });
    expect(held.response).toHaveHeader("x-why", "one;outcome=black-holed");
    expect(held.attempts).toBe(1);
    expect(active(proxy)).toBe(0);
  });
});

describe("a call that is aborted after two messages", () => {
  const abort = { grpcStatus: 8, body: "full", afterMessages: 2 };
  const MESSAGE = "\0\0\0\0\u0003abc";
  const call = (...body: readonly string[]) =>
    ({ method: "POST", headers: GRPC, protocol: "http2", body }) as const;
  const answering = () => http2(() => ({ headers: GRPC, body: "message", trailers: [["grpc-status", "0"]] }));
  const outcomes = (proxy: HostedProxy) =>
    ["armed", "aborted"].map((word) =>
      proxy.metrics.get(`${METRICS}decisions_total;rule=one;outcome=${word}`),
    );

  test.each([
    ["in one piece", [MESSAGE + MESSAGE + MESSAGE]],
    ["in a piece each", [MESSAGE, MESSAGE, MESSAGE]],
    ["that end the call", [MESSAGE, MESSAGE]],
    ["cut anywhere", ["\0\0", "\0\0\u0003", "a", `bc${MESSAGE.slice(0, 7)}`, "c"]],
  ])("answers %s", (_, body) => {
    const proxy = proxyOf(
      { ...one({ abort }), explainHeader: "x-why" },
      { upstreams: { shop: answering() } },
    );
    const { response } = proxy.request(call(...body));
    expect(response).toMatchObject({ status: 200, body: "" });
    expect(response).toHaveHeader("grpc-status", "8");
    expect(response).toHaveHeader("grpc-message", "full");
    expect(response).toHaveHeader("x-why", "one;outcome=armed, one;outcome=aborted");
    expect(outcomes(proxy)).toEqual([1, 1]);
    expect(active(proxy)).toBe(0);
    expect(proxy.traps).toEqual([]);
  });

  test("fails while the client still sends, and the next call begins anew", () => {
    const proxy = proxyOf(one({ abort }), { upstreams: { shop: answering() } });
    for (let i = 0; i < 3; i++) {
      const exchange = proxy.open({ method: "POST", headers: GRPC, protocol: "http2" });
      exchange.sendBody(MESSAGE);
      expect(exchange.response).toBeUndefined();
      exchange.sendBody(MESSAGE);
      expect(exchange.response).toHaveHeader("grpc-status", "8");
      expect(exchange.localReply?.details).toBe("fault_injection_abort{one}");
    }
    expect(proxy.traps).toEqual([]);
  });

  test("in a cluster's chain is retried, and each attempt counts", () => {
    const proxy = proxyOf(upstream({ abort: { ...abort, grpcStatus: 14 } }), {
      upstreams: { shop: answering() },
      routeOptions: { retryPolicy: { retryOn: ["unavailable"], numRetries: 2 } },
    });
    const exchange = proxy.request(call(MESSAGE, MESSAGE));
    proxy.advance(1000);
    expect(exchange.attempts).toBe(3);
    expect(exchange.response).toHaveHeader("grpc-status", "14");
    expect(outcomes(proxy)).toEqual([3, 3]);
    expect(active(proxy)).toBe(0);
  });

  test("lets a call with fewer pass, and forgets it", () => {
    const proxy = proxyOf(
      { ...one({ abort }), explainHeader: "x-why" },
      { upstreams: { shop: answering() } },
    );
    for (const body of [[MESSAGE], [MESSAGE, MESSAGE.slice(0, 7)], []]) {
      const { response } = proxy.request(call(...body));
      expect(response).toMatchObject({ status: 200, body: "message" });
      expect(response).toHaveHeader("x-why", "one;outcome=armed");
    }
    expect(outcomes(proxy)).toEqual([3, 0]);
    expect(active(proxy)).toBe(0);
  });

  test("is armed no more often at once than the rule's limit", () => {
    const proxy = proxyOf(one({ abort, maxActive: 1 }), { upstreams: { shop: () => undefined } });
    for (let i = 0; i < 3; i++) proxy.request(call(MESSAGE));
    expect(proxy).toHaveMetric(`${METRICS}decisions_total;rule=one;outcome=limited`, 2);
    expect(active(proxy)).toBe(1);
  });
});

describe("a changed response", () => {
  test.each([204, 304])("of status %i has no body", (status) => {
    const { response } = proxyOf(one({ response: { status } })).request();
    expect(response).toMatchObject({ status, body: "", end: "whole" });
    expect(response?.headers.map(([name]) => name)).not.toContain("content-length");
  });

  test("that had a length but no body has no length", () => {
    const proxy = proxyOf(one({ response: { status: 200 } }), {
      upstreams: { shop: () => ({ status: 304, headers: [["content-length", "4"]] }) },
    });
    const { response } = proxy.request();
    expect(response).toMatchObject({ status: 200, body: "", end: "whole" });
  });

  test("is cut where it was configured, and no sooner", () => {
    const cut = (truncateAfter: number) => proxyOf(one({ response: { truncateAfter } })).request().response;
    expect(cut(0)).toMatchObject({ status: 200, body: "", end: "whole" });
    expect(cut(3)).toMatchObject({ body: "sol", end: "whole" });
    expect(cut(4)).toMatchObject({ body: "sold", end: "whole" });
  });

  test.each<[string, NonNullable<Rule["response"]>, string]>([
    ["that is cut", { truncateAfter: 6 }, "14"],
    ["that is cut to nothing", { truncateAfter: 0 }, "14"],
    ["that is cut slowly", { truncateAfter: 6, bytesPerSecond: 1000 }, "14"],
    ["that is not cut", { truncateAfter: 7 }, "0"],
    ["with another status", { status: 503 }, "14"],
    ["with another status, cut", { status: 404, truncateAfter: 1 }, "12"],
    ["without a body", { status: 204 }, "2"],
    ["with the status of every gRPC answer", { status: 200 }, "0"],
  ])("of a gRPC call %s has a gRPC status that says so", (_, fault, code) => {
    const proxy = proxyOf(one({ response: fault }), {
      upstreams: {
        shop: http2(() => ({ headers: GRPC, body: "message", trailers: [["grpc-status", "0"]] })),
      },
    });
    const exchange = proxy.request({ method: "POST", headers: GRPC, protocol: "http2" });
    proxy.advance(100);
    expect(exchange.response?.trailers).toEqual([
      ["grpc-status", code],
      ...(code === "0" ? [] : [["grpc-message", "fault injected"]]),
    ]);
  });

  test("of a gRPC call that ends with its headers has its status there", () => {
    const proxy = proxyOf(one({ response: { status: 503, truncateAfter: 0 } }), {
      upstreams: { shop: http2(() => ({ headers: [...GRPC, ["grpc-status", "0"]] })) },
    });
    const { response } = proxy.request({ method: "POST", headers: GRPC, protocol: "http2" });
    expect(response).toHaveHeader("grpc-status", "14");
    expect(response).toHaveHeader("grpc-message", "fault injected");
  });

  test("of a client of HTTP keeps its trailers", () => {
    const proxy = proxyOf(one({ response: { truncateAfter: 1 } }), {
      upstreams: { shop: http2(() => ({ body: "sold", trailers: [["grpc-status", "0"]] })) },
    });
    expect(proxy.request({ protocol: "http2" }).response?.trailers).toEqual([["grpc-status", "0"]]);
  });

  test("comes when it is due, with its trailers", () => {
    const proxy = proxyOf(one({ response: { bytesPerSecond: 1000 } }), {
      upstreams: { shop: http2(() => ({ body: "x".repeat(500), trailers: [["x-sum", "500"]] })) },
    });
    const exchange = proxy.request({ protocol: "http2" });
    proxy.advance(495);
    expect(exchange.bodySoFar).toBe("");
    proxy.advance(10);
    expect(exchange.response).toMatchObject({ body: "x".repeat(500), trailers: [["x-sum", "500"]] });
  });

  test("is not changed on a connection that was upgraded to another protocol", () => {
    const module = loadModule(path);
    module.configure(JSON.stringify(one({ response: { status: 503 } })));
    const { response } = module.exchange([[":path", "/"]], { response: [[":status", "101"]] });
    expect(response).toContainEqual([":status", "101"]);
  });
});
