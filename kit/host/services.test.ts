// Filters' calls to other services, which the proxy's upstreams or the test answer.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { type HostedProxy, hostProxy } from "./proxy.js";
import type { ScriptedUpstream } from "./proxy-options.js";

let commands: Commands;

beforeAll(async () => {
  commands = await buildCommands();
});

afterAll(() => commands[Symbol.asyncDispose]());

function proxyOf(service: ScriptedUpstream): HostedProxy {
  const filters = [{ name: "a", module: commands.module, configuration: "a" }];
  return hostProxy({ workers: 1, filters, upstreams: { upstream: () => ({}), service } });
}

const said = (proxy: HostedProxy) => proxy.logs.at(-1)?.text;

describe("an HTTP call", () => {
  test("is answered by the upstream of its cluster, and the request goes on", () => {
    const proxy = proxyOf(() => ({ body: "yes", headers: [["x-a", "1"]] }));
    const exchange = proxy.request(doing("a@request_headers=call"));
    expect(said(proxy)).toBe("answer 6 200 yes");
    expect(exchange.response?.status).toBe(200);
    expect(proxy.upstreamSaw("service")[0]).toMatchObject({ method: "GET", path: "/check" });
  });

  test("waits for a late answer, and no longer than its own time", () => {
    const proxy = proxyOf(() => ({ delayMs: 60, body: "late" }));
    const exchange = proxy.request(doing("a@request_headers=call"));
    proxy.advance(59);
    expect(exchange.response).toBeUndefined();
    proxy.advance(1);
    expect([said(proxy), exchange.response?.status]).toEqual(["answer 5 200 late", 200]);
    const silent = proxyOf(() => ({ fault: "never" }));
    silent.request(doing("a@request_headers=call"));
    silent.advance(100);
    expect(said(silent)).toBe("answer 3 504 upstream request timeout");
  });

  test("that breaks off is a 503 before the answer, and has no headers within it", () => {
    const before = proxyOf(() => ({ fault: "reset" }));
    before.request(doing("a@request_headers=call"));
    expect(said(before)).toMatch(/^answer 3 503 upstream connect error.*connection termination$/);
    const within = proxyOf(() => ({ body: "half", fault: "reset-in-body" }));
    within.request(doing("a@request_headers=call"));
    expect(said(within)).toBe("answer 0  ");
    const refused = proxyOf({ isStopped: true });
    refused.request(doing("a@request_headers=call"));
    expect(said(refused)).toMatch(/connection failure/);
  });

  test("without a script waits for the test", () => {
    const proxy = proxyOf(() => undefined);
    const exchange = proxy.request(doing("a@request_headers=call"));
    const [call] = proxy.httpCalls;
    expect(call).toMatchObject({ filter: "a", cluster: "service", timeoutMs: 100 });
    call?.respond({ headers: [[":status", "418"]], body: "by hand" });
    expect([said(proxy), exchange.response?.status]).toEqual(["answer 1 418 by hand", 200]);
    expect(proxy.httpCalls).toEqual([]);
  });

  test("to an unknown cluster is refused", () => {
    const filters = [{ name: "a", module: commands.module, configuration: "a" }];
    const proxy = hostProxy({ workers: 1, filters });
    proxy.request(doing("a@request_headers=call"));
    expect(said(proxy)).toBe("called 2");
  });
});

describe("a gRPC call", () => {
  const path = "/test.Echo/Say";

  test("is answered by the method of its path, from the message", () => {
    const proxy = proxyOf({ grpc: { [path]: (message) => `echo ${message}` } });
    const exchange = proxy.request(doing("a@request_headers=grpc"));
    expect([said(proxy), exchange.response?.status]).toEqual(["message echo a", 200]);
    const [request, ...others] = proxy.upstreamSaw("service");
    expect(others).toEqual([]);
    expect(request).toMatchObject({ method: "POST", path, body: "\0\0\0\0\u0001a" });
    expect(request?.header("content-type")).toBe("application/grpc");
    expect(request?.header(":authority")).toBe("service");
  });

  test("fails with the method's status, for an unknown method, and when nobody listens", () => {
    const last = (service: ScriptedUpstream) => {
      const proxy = proxyOf(service);
      proxy.request(doing("a@request_headers=grpc"));
      return said(proxy);
    };
    expect(last({ grpc: { [path]: () => ({ status: 7, message: "not you" }) } })).toBe(
      "closed 7 not you{via_upstream}",
    );
    expect(last({ grpc: { "/other": () => "x" } })).toBe("closed 12 no method /test.Echo/Say{via_upstream}");
    expect(last({ isStopped: true })).toMatch(/^closed 14 upstream connect error/);
    const stopped = proxyOf({ isStopped: true });
    stopped.request(doing("a@request_headers=grpc"));
    expect(stopped.upstreamSaw("service")).toEqual([]);
  });

  test("comes late, or waits for the test", () => {
    const late = proxyOf({ grpc: { [path]: () => ({ messages: ["late"], delayMs: 50 }) } });
    late.request(doing("a@request_headers=grpc"));
    expect(said(late)).toBe("called 0");
    late.advance(50);
    expect(said(late)).toBe("message late");
    const byHand = proxyOf(() => undefined);
    byHand.request(doing("a@request_headers=grpc"));
    byHand.grpcCalls[0]?.sendMessage("by hand");
    expect([said(byHand), byHand.grpcCalls]).toEqual(["message by hand", []]);
  });
});
