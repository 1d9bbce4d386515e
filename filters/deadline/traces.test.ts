// Deadlines that go through a service which hands on trace headers alone, in the in-process host:
// one filter before the service, one behind it, with one `vm_id`.

import { beforeAll, describe, expect, test } from "vitest";
import { type HeaderList, type HostedProxy, hostProxy } from "../../kit/index.js";
import { deadlineProxies, told } from "../../test/support/deadline-proxy.js";
import type { DeadlineConfig } from "./schema.js";

let module: string;

beforeAll(async () => {
  ({ module } = await deadlineProxies());
}, 120_000);

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = (trace = TRACE, span = "00f067aa0ba902b7"): HeaderList => [
  ["traceparent", `00-${trace}-${span}-01`],
];
const ms = (value: number): HeaderList => [["x-request-timeout-ms", String(value)]];

/**
 * One sidecar. Requests with `x-side: out` meet the outbound filter alone, all others the inbound
 * one.
 */
function sidecar(inbound: object = {}, outbound: object = {}): HostedProxy {
  const isOut = { name: "x-side", exact: "out" };
  const filter = (name: string, configuration: DeadlineConfig) => ({
    name,
    module,
    vmId: "deadline",
    configuration: JSON.parse(JSON.stringify(configuration)),
  });
  const rule = (fields: object, match: { name: string; exact: string; invert?: boolean }) => [
    { name: "one", match: { headers: [match] }, ...fields },
  ];
  return hostProxy({
    filters: [
      filter("inbound", {
        trace: "inbound",
        header: { trusted: true },
        rules: rule(inbound, { ...isOut, invert: true }),
      }),
      filter("outbound", { trace: "outbound", header: { trusted: true }, rules: rule(outbound, isOut) }),
    ],
    upstreams: { app: (request) => (request.header("x-side") === "out" ? {} : undefined) },
    routeOptions: { timeoutSeconds: 60 },
    workers: 2,
  });
}

/** A request to the service, which does not answer yet. */
const arrive = (proxy: HostedProxy, headers: HeaderList) => proxy.request({ headers });

/** A call of the service: what its upstream is told, or the status of its refusal. */
function call(proxy: HostedProxy, headers: HeaderList): string | number | undefined {
  const { response, requestHeaders } = proxy.request({ headers: [["x-side", "out"], ...headers] });
  if (response?.status === 504) return 504;
  return requestHeaders.find(([name]) => name === "x-request-timeout-ms")?.[1];
}

describe("a call of a service", () => {
  test("has what is left of the request with its trace, on every worker", () => {
    const proxy = sidecar();
    arrive(proxy, [...ms(500), ...parent()]);
    proxy.advance(120);
    for (const worker of [0, 1]) {
      const { requestHeaders } = proxy.request({
        worker,
        headers: [["x-side", "out"], ...parent(TRACE, "b7ad6b7169203331")],
      });
      expect(requestHeaders).toContainEqual(["x-request-timeout-ms", "380"]);
    }
    const name = "meshwright.deadline.decisions_total;rule=one;outcome=recalled";
    expect(proxy.metrics.get(name)).toBe(2);
  });

  test.each([
    ["b3", [["b3", `${TRACE}-00f067aa0ba902b7-1`]]],
    ["x-b3-traceid", [["x-b3-traceid", TRACE]]],
  ] as const)("is found by %s too", (_, headers) => {
    const proxy = sidecar();
    arrive(proxy, [...ms(500), ...parent()]);
    expect(call(proxy, headers)).toBe("500");
  });

  test("is found by the short form of an id that begins with zeros", () => {
    const proxy = sidecar();
    arrive(proxy, [...ms(500), ["x-b3-traceid", "a3ce929d0e0e4736"]]);
    expect(call(proxy, parent("0000000000000000a3ce929d0e0e4736"))).toBe("500");
    expect(call(proxy, parent())).toBeUndefined();
  });

  test("has a smaller time if it brings or gets one", () => {
    const proxy = sidecar({}, { max: "50ms" });
    arrive(proxy, [...ms(100), ...parent()]);
    expect(call(proxy, parent())).toBe("50");
    expect(call(proxy, [...parent(), ...ms(20)])).toBe("20");
    proxy.advance(80);
    expect(call(proxy, parent())).toBe("20");
  });

  test("has the rule's own time if its trace is not known", () => {
    const proxy = sidecar({}, { default: "1s" });
    arrive(proxy, [...ms(100), ...parent()]);
    expect(call(proxy, parent("1".repeat(32)))).toBe("1000");
    expect(call(proxy, [])).toBe("1000");
  });

  test("is refused when the request's time has passed", () => {
    const proxy = sidecar();
    arrive(proxy, [...ms(100), ...parent()]);
    proxy.advance(100);
    expect(call(proxy, parent())).toBe(504);
  });

  test("is refused when the client of the request has gone", () => {
    const proxy = sidecar();
    const request = arrive(proxy, [...ms(5_000), ...parent()]);
    expect(call(proxy, parent())).toBe("5000");
    request.cancel();
    expect(call(proxy, parent())).toBe(504);
    proxy.advance(61_000);
    expect(call(proxy, parent())).toBeUndefined();
  });

  test("after the request's answer has no time of it: the service may work on", () => {
    const proxy = sidecar({}, { default: "9s" });
    arrive(proxy, [...ms(100), ...parent()]);
    proxy.attempts[0]?.respond({ body: "done" });
    expect(call(proxy, parent())).toBe("9000");
    proxy.advance(200);
    expect(call(proxy, parent())).toBe("9000");
  });

  test("has the smaller time of two requests with its trace, and then that of the other", () => {
    const proxy = sidecar();
    arrive(proxy, [...ms(1_000), ...parent()]);
    arrive(proxy, [...ms(300), ...parent()]);
    expect(call(proxy, parent())).toBe("300");
    proxy.attempts[1]?.respond({});
    expect(call(proxy, parent())).toBe("1000");
  });

  test("is not refused for a request that was cut off once another of its trace has begun", () => {
    const proxy = sidecar({ max: "9s" }, { default: "2s" });
    arrive(proxy, [...ms(1_000), ...parent()]).cancel();
    expect(call(proxy, parent())).toBe(504);
    arrive(proxy, [...ms(700), ...parent()]);
    expect(call(proxy, parent())).toBe("700");
    const other = sidecar({}, { default: "2s" });
    arrive(other, [...ms(1_000), ...parent()]).cancel();
    arrive(other, parent());
    expect(call(other, parent())).toBe("2000");
  });
});

describe("strangers", () => {
  test.each([
    ["an id of zeros", "0".repeat(32)],
    ["capitals", TRACE.toUpperCase()],
    ["an id that is too long", `${TRACE}0`],
    ["bytes that are no digits", "\u00ff".repeat(32)],
  ])("cannot make a trace of %s", (_, trace) => {
    const proxy = sidecar();
    arrive(proxy, [...ms(100), ...parent(trace)]);
    expect(call(proxy, parent(trace))).toBeUndefined();
  });

  test("who send very many traces fill a table of fixed size, and change no time of others", () => {
    const proxy = sidecar({}, { default: "9s" });
    arrive(proxy, [...ms(5_000), ...parent()]);
    const count = 3_000;
    for (let i = 0; i < count; i++) {
      arrive(proxy, [...ms(10_000), ...parent(i.toString(16).padStart(32, "a"))]);
    }
    expect(call(proxy, parent())).toBe("5000");
    const entries = [...proxy.sharedData("deadline")].filter(([key]) => key.startsWith("dl"));
    expect(entries.length).toBeLessThanOrEqual(4096);
    expect(new Set(entries.map(([, value]) => value.length))).toEqual(new Set([1024]));
  });

  test("the service is told nothing that its caller did not bring", () => {
    const proxy = sidecar();
    arrive(proxy, parent());
    expect(told(proxy.upstreamSaw()[0])).toEqual({ expected: "60000" });
  });
});
