// What happens to requests when a filter's VM ends in a trap, and to configurations that a filter
// refuses.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FailurePolicy } from "../../envoy/config/wasm.js";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { type HostedProxy, hostProxy } from "./proxy.js";

let commands: Commands;

beforeAll(async () => {
  commands = await buildCommands();
});

afterAll(() => commands[Symbol.asyncDispose]());

/** `a` before `b`, each with its own VM. */
function proxyOf(failurePolicy: FailurePolicy, name = "b"): HostedProxy {
  const { module } = commands;
  return hostProxy({
    workers: 1,
    filters: [
      { name: "a", module, configuration: "a" },
      { name: "b", module, configuration: name, failurePolicy },
    ],
  });
}

const POLICIES: readonly FailurePolicy[] = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"];
const status = (proxy: HostedProxy, what = "") => proxy.request(doing(what)).response?.status;

describe.each(POLICIES)("after a trap with %s", (policy) => {
  test("the request that trapped is answered 503, through the other filters, and the trap is reported", () => {
    const proxy = proxyOf(policy);
    const exchange = proxy.request(doing("b@request_headers=trap"));
    expect(exchange.response).toMatchObject({ status: 503, body: "" });
    expect([exchange.details, exchange.callbacks.includes("a:on_response_headers")]).toEqual([
      "wasm_fail_stream",
      true,
    ]);
    expect(proxy.traps).toHaveLength(1);
    expect(proxy.traps[0]).toMatchObject({ filter: "b", callback: "proxy_on_request_headers", worker: 0 });
    expect(proxy.traps[0]?.message).toMatch(/^unreachable/);
  });

  test("a stream that was open then is answered 503 at its next event", () => {
    const proxy = proxyOf(policy);
    const open = proxy.open(doing(""));
    proxy.request(doing("b@request_headers=trap"));
    expect(open.response).toBeUndefined();
    open.end();
    expect([open.response?.status, open.details]).toEqual([503, "wasm_fail_stream"]);
  });
});

describe("requests after a trap", () => {
  test("are answered 503 with the policy closed, however much time passes", () => {
    const proxy = proxyOf("FAIL_CLOSED");
    expect([status(proxy, "b@request_headers=trap"), status(proxy)]).toEqual([503, 503]);
    proxy.advance(10_000);
    expect(status(proxy)).toBe(503);
  });

  test("pass without the filter with the policy open", () => {
    const proxy = proxyOf("FAIL_OPEN");
    status(proxy, "b@request_headers=trap");
    const exchange = proxy.request();
    expect(exchange.response?.status).toBe(200);
    expect(exchange.callbacks.filter((name) => name.startsWith("b:"))).toEqual([]);
  });

  test("meet a new VM with the policy reload, once the last start is long enough ago", () => {
    const proxy = proxyOf("FAIL_RELOAD");
    expect([status(proxy, "b@request_headers=trap"), status(proxy)]).toEqual([503, 503]);
    proxy.advance(150);
    expect([status(proxy), status(proxy)]).toEqual([200, 200]);
    proxy.advance(150);
    expect([status(proxy, "b@request_headers=trap"), status(proxy)]).toEqual([503, 200]);
  });

  test("are not touched on another worker", () => {
    const { module } = commands;
    const filters = [{ name: "b", module, configuration: "b", failurePolicy: "FAIL_CLOSED" as const }];
    const proxy = hostProxy({ filters, workers: 2 });
    proxy.request({ ...doing("b@request_headers=trap"), worker: 0 });
    expect(proxy.request({ worker: 1 }).response?.status).toBe(200);
    expect(proxy.request({ worker: 0 }).response?.status).toBe(503);
  });
});

test.each([
  ["request_body", 503, "whole"],
  ["response_headers", 503, "whole"],
  ["response_body", 200, "reset"],
  ["log", 200, "whole"],
  ["delete", 200, "whole"],
])("a trap in %s leaves the client with %i, %s", (callback, code, end) => {
  const { module } = commands;
  const filters = [{ name: "b", module, configuration: "b" }];
  const proxy = hostProxy({ filters, upstreams: { upstream: () => ({ body: "x" }) } });
  const { response } = proxy.request({ ...doing(`b@${callback}=trap`), body: "abc" });
  expect([response?.status, response?.end, proxy.traps.length]).toEqual([code, end, 1]);
});

test("a trap in a tick ends the VM of each worker, and no drive verb throws", () => {
  const proxy = proxyOf("FAIL_CLOSED", "tick-trap");
  proxy.advance(200);
  expect(proxy.traps.map(({ worker, callback }) => [worker, callback])).toEqual([
    [-1, "proxy_on_tick"],
    [0, "proxy_on_tick"],
  ]);
  expect(status(proxy)).toBe(503);
});

test.each([
  ["refusing", /"b" refuses its configuration: not like this/],
  ["trapping", /"b" refuses its configuration: unreachable/],
])("a proxy with a filter that is %s does not start", (name, message) => {
  expect(() => proxyOf("FAIL_RELOAD", name)).toThrow(message);
});

describe("another configuration", () => {
  test("serves new streams; open streams keep the old one, which ends with the last of them", () => {
    const proxy = proxyOf("FAIL_RELOAD");
    const open = proxy.open(doing("b@request_end=reply401,new@request_end=reply402"));
    expect(proxy.configure("b", "new")).toEqual({ accepted: true });
    const said = () => proxy.logs.map(({ text }) => text);
    expect(said().filter((text) => text === "done b")).toHaveLength(1);
    expect(status(proxy, "b@request_headers=reply401,new@request_headers=reply402")).toBe(402);
    open.end();
    expect(open.response?.status).toBe(401);
    expect(said().filter((text) => text === "done b")).toHaveLength(2);
  });

  test.each([
    ["refusing", /^not like this$/],
    ["trapping", /^unreachable/],
  ])("that the filter is %s changes nothing, and says why", (name, reason) => {
    const proxy = proxyOf("FAIL_RELOAD");
    const result = proxy.configure("b", name);
    expect([result.accepted, result.reason]).toEqual([false, expect.stringMatching(reason)]);
    expect(status(proxy, "b@request_headers=reply401")).toBe(401);
  });
});
