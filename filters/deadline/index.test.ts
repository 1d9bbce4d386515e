// The filter in a listener's chain, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { HeaderList, HostedProxy } from "../../kit/index.js";
import {
  counter,
  type DeadlineProxyOf,
  deadlineProxies,
  decisions,
  one,
  told,
} from "../../test/support/deadline-proxy.js";
import type { DeadlineConfig } from "./schema.js";

let proxyOf: DeadlineProxyOf;

beforeAll(async () => {
  ({ proxyOf } = await deadlineProxies());
}, 120_000);

const HEADER = "x-request-timeout-ms";
const ms = (value: string | number): HeaderList => [[HEADER, String(value)]];
const GRPC: HeaderList = [
  ["content-type", "application/grpc"],
  ["te", "trailers"],
];

/** What the upstream was told about one request; undefined if the request did not reach it. */
function tell(proxy: HostedProxy, headers: HeaderList = []) {
  const before = proxy.upstreamSaw().length;
  proxy.request({ headers });
  const [request] = proxy.upstreamSaw().slice(before);
  return request === undefined ? undefined : told(request);
}

const start = (listener: DeadlineConfig) => proxyOf({ listener });

describe("a request's deadline", () => {
  test("is what it brings, and the router and the service are told", () => {
    const proxy = start(one());
    expect(tell(proxy, ms(700))).toEqual({ left: "700", expected: "700" });
    expect(decisions(proxy)).toEqual({ passed: 1 });
  });

  test("is the rule's own if it brings none", () => {
    const proxy = start(one({ default: "2s" }));
    expect(tell(proxy)).toEqual({ left: "2000", expected: "2000" });
    expect(decisions(proxy)).toEqual({ started: 1 });
  });

  test("is none without either, and Envoy's timeout stays", () => {
    const proxy = start(one());
    expect(tell(proxy)).toEqual({ expected: "15000" });
    expect(decisions(proxy)).toEqual({ unbounded: 1 });
  });

  test("is never longer than the rule allows, by default Envoy's own 15 seconds", () => {
    expect(tell(start(one({ max: "1s" })), ms(1001))).toEqual({ left: "1000", expected: "1000" });
    expect(tell(start(one({ max: "1s" })), ms(1000))).toEqual({ left: "1000", expected: "1000" });
    expect(tell(start(one()), ms(60_000))).toMatchObject({ left: "15000" });
    expect(tell(start(one({ default: "20s" })), ms(60_000))).toMatchObject({ left: "20000" });
    const proxy = start(one({ max: "1s" }));
    tell(proxy, ms(1001));
    expect(decisions(proxy)).toEqual({ shortened: 1 });
  });

  test("has the margin taken off what was brought, and not off the rule's own time", () => {
    const proxy = start(one({ default: "1s", margin: "25ms" }));
    expect(tell(proxy, ms(100))).toMatchObject({ left: "75" });
    expect(tell(proxy)).toMatchObject({ left: "1000" });
  });

  test("limits each attempt where that is configured", () => {
    const perTry = start(one({ perTry: "250ms" }));
    expect(tell(perTry, ms(1000))).toEqual({ left: "1000", expected: "250" });
    expect(tell(perTry, ms(100))).toEqual({ left: "100", expected: "100" });
  });

  test("of gRPC is grpc-timeout, which the service is told as well", () => {
    const proxy = start(one({ default: "2s" }));
    expect(tell(proxy, [...GRPC, ["grpc-timeout", "1S"]])).toEqual({
      grpc: "1000m",
      left: "1000",
      expected: "1000",
    });
    expect(tell(proxy, GRPC)).toMatchObject({ grpc: "2000m", left: "2000" });
    expect(tell(proxy, [["content-type", "text/plain"]])).toEqual({ left: "2000", expected: "2000" });
  });

  test("is the smaller of two", () => {
    const proxy = start(one());
    expect(tell(proxy, [...ms(700), ["grpc-timeout", "300m"]])).toMatchObject({ left: "300", grpc: "300m" });
    expect(tell(proxy, [...ms(200), ["grpc-timeout", "300m"]])).toMatchObject({ left: "200", grpc: "200m" });
  });

  test("is not made longer by a second filter of the chain", () => {
    const second = one({ default: "9s" }, { header: { trusted: false } });
    const proxy = proxyOf({ listener: one({ max: "1s" }), second });
    expect(tell(proxy, ms(5_000))).toEqual({ left: "1000", expected: "1000" });
  });

  test("is shown to the access log and to other filters as a moment", () => {
    const proxy = start(one());
    const exchange = proxy.request({ headers: ms(700) });
    expect([...exchange.state.keys()]).toEqual(["meshwright.deadline.1"]);
  });
});

describe("a header", () => {
  test("does not count unless it is trusted, and the service never sees it", () => {
    const config: DeadlineConfig = { rules: [{ name: "one" }] };
    expect(tell(start(config), ms(5))).toEqual({ expected: "15000" });
    expect(tell(start({ rules: [{ name: "one", default: "1s" }] }), ms(5))).toMatchObject({ left: "1000" });
    expect(tell(start({ rules: [{ name: "one", match: { method: "PUT" } }] }), ms(5))).toEqual({
      expected: "15000",
    });
  });

  test("can have another name", () => {
    const proxy = start(one({}, { header: { name: "x-budget", trusted: true } }));
    proxy.request({ headers: [["x-budget", "300"], ...ms(5)] });
    const [request] = proxy.upstreamSaw();
    expect(request?.header("x-budget")).toBe("300");
    expect(request?.header(HEADER)).toBe("5");
  });

  test.each([
    ["a negative number", "-5"],
    ["a fraction", "2.5"],
    ["a unit", "5ms"],
    ["nothing", ""],
    ["text", "soon"],
    ["many digits", "9".repeat(30)],
    ["60 KB of digits", "9".repeat(60_000)],
    ["60 KB of text", "x".repeat(60_000)],
  ])("with %s is ignored, and the service does not see it", (_, value) => {
    const proxy = start(one());
    expect(tell(proxy, ms(value))).toEqual({ expected: "15000" });
    expect(decisions(proxy)).toEqual({ unbounded: 1 });
  });

  test("with several lines is ignored, whichever of them would help", () => {
    const proxy = start(one({ default: "2s" }));
    expect(tell(proxy, [...ms(5), ...ms(60_000)])).toMatchObject({ left: "2000" });
  });

  test("grpc-timeout is ignored if it is not one", () => {
    const wrong = ["123456789m", "-5m", "5", "5ms", "5 m", "5M,9M", "m", "5x", "9".repeat(60_000)];
    const proxy = start(one({ default: "2s" }));
    for (const value of wrong) {
      expect(tell(proxy, [...GRPC, ["grpc-timeout", value]])).toMatchObject({ grpc: "2000m" });
    }
    expect(decisions(proxy)).toEqual({ started: wrong.length });
  });
});

describe("a request whose time is over", () => {
  test.each([
    ["its header says 0", {}, ms(0)],
    ["its grpc-timeout says 0", {}, [["grpc-timeout", "0S"]]],
    ["no more is left than the margin", { margin: "20ms" }, ms(20)],
    ["less than a millisecond is left", {}, [["grpc-timeout", "999u"]]],
  ] as const)("is answered before the upstream sees it: %s", (_, fields, headers) => {
    const proxy = start(one(fields));
    const exchange = proxy.request({ headers });
    expect(exchange.response).toMatchObject({ status: 504 });
    expect(exchange.details).toBe("deadline_exceeded{one}");
    expect(proxy.upstreamSaw()).toEqual([]);
    expect(decisions(proxy)).toEqual({ expired: 1 });
  });

  test("gets DEADLINE_EXCEEDED if it is gRPC", () => {
    const { response } = start(one()).request({ headers: [...GRPC, ["grpc-timeout", "0S"]] });
    expect(response).toMatchObject({ status: 200 });
    expect(response?.header("grpc-status")).toBe("4");
    expect(response?.header("grpc-message")).toBe("deadline exceeded");
  });

  test("is given up by the router when it is over later", () => {
    const proxy = proxyOf({ listener: one() }, { upstreams: { shop: () => undefined } });
    const exchange = proxy.request({ headers: ms(100) });
    proxy.advance(99);
    expect(exchange.response).toBeUndefined();
    proxy.advance(1);
    expect(exchange).toMatchObject({ response: { status: 504 }, details: "response_timeout" });
    expect(proxy.attempts).toEqual([]);
  });
});

describe("rules", () => {
  const groups = (fields: object): DeadlineConfig => ({
    rules: [
      { name: "vip", match: { headers: [{ name: "x-user-group", exact: "vip" }] }, default: "100ms" },
      { name: "pricing", match: { path: { prefix: "/pricing" } }, default: "50ms", ...fields },
      { name: "rest", default: "1s" },
    ],
  });

  test("give routes and user groups times of their own", () => {
    const proxy = start(groups({}));
    expect(tell(proxy, [["x-user-group", "vip"]])).toMatchObject({ left: "100" });
    expect(tell(proxy)).toMatchObject({ left: "1000" });
    proxy.request({ path: "/pricing/surge" });
    expect(told(proxy.upstreamSaw().at(-1))).toMatchObject({ left: "50" });
  });

  test("in shadow mode count what they would do, and the next one decides", () => {
    const proxy = start(groups({ shadow: true }));
    proxy.request({ path: "/pricing/surge" });
    expect(told(proxy.upstreamSaw().at(-1))).toMatchObject({ left: "1000" });
    expect(decisions(proxy, "pricing")).toEqual({ "shadow-started": 1 });
    expect(decisions(proxy, "rest")).toEqual({ started: 1 });
    const late = proxy.request({ path: "/pricing", headers: [["grpc-timeout", "0S"]] });
    expect(late.response).toMatchObject({ status: 504 });
    expect(decisions(proxy, "pricing")).toEqual({ "shadow-started": 1, "shadow-expired": 1 });
  });

  test("take a share alone", () => {
    const share = { percentage: 50, key: { header: "x-user" } };
    const proxy = start({ rules: [{ name: "half", share, default: "1s" }] });
    const taken = Array.from({ length: 100 }, (_, i) => tell(proxy, [["x-user", `u${i}`]])?.left);
    const count = taken.filter((left) => left === "1000").length;
    expect(count).toBeGreaterThan(30);
    expect(count).toBeLessThan(70);
  });

  test("explain themselves, and remove what an upstream says in their name", () => {
    const explained = one({ max: "1s" }, { explainHeader: "x-deadline" });
    const proxy = proxyOf(
      { listener: explained },
      { upstreams: { shop: () => ({ headers: [["x-deadline", "forged"]] }) } },
    );
    const header = (headers: HeaderList) => proxy.request({ headers }).response?.header("x-deadline");
    expect(header(ms(5000))).toBe("one;outcome=shortened");
    expect(header(ms(0))).toBe("one;outcome=expired");
  });

  test("count callers that wait less long than the rule's own time", () => {
    const proxy = start(one({ default: "1s" }));
    for (const left of [999, 1000, 1001]) tell(proxy, ms(left));
    expect(counter(proxy, "longer_than_caller_total")).toBe(1);
  });

  test("record what remains", () => {
    const proxy = start(one({ default: "1s" }));
    tell(proxy);
    tell(proxy, ms(200));
    const name = "meshwright.deadline.remaining_ms;rule=one";
    expect(proxy.host.metrics.histograms.get(name)).toEqual([1000, 200]);
  });
});
