// What is refused: options of which no proxy can be made, times that cannot pass, and messages that
// nobody can send. Each error is one line that says where.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { HeaderList, UpstreamResponse } from "../traffic.js";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { loadModule } from "./load.js";
import { hostProxy, type RequestOptions } from "./proxy.js";
import type { GrpcAnswer, ProxyOptions } from "./proxy-options.js";

let commands: Commands;
let folder: string;

beforeAll(async () => {
  commands = await buildCommands();
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-refused-"));
});

afterAll(async () => {
  await commands[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function errorOf(misuse: () => unknown): MeshwrightError {
  try {
    misuse();
  } catch (error) {
    if (error instanceof MeshwrightError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

function expectRefused(misuse: () => unknown, message: RegExp): void {
  const error = errorOf(misuse);
  expect([error.code, error.message.includes("\n")]).toEqual(["configuration", false]);
  expect(error.message).toMatch(message);
}

describe("a proxy", () => {
  test.each<[object, RegExp]>([
    [{ upstreams: {} }, /^upstreams is empty: give at least one/],
    [{ workers: 1.5 }, /^workers is 1.5: give a whole number from 1 to 64/],
    [{ seed: Number.NaN }, /^seed is NaN: give a whole number/],
    [{ logLevel: 99 }, /^logLevel is 99: give a whole number from 0 to 5/],
    [{ bufferLimit: 0 }, /^bufferLimit is 0: give a whole number from 1/],
    [{ routeOptions: { timeoutSeconds: -1 } }, /^timeoutSeconds is -1/],
    [
      { routeOptions: { retryPolicy: { retryOn: [], perTryTimeoutSeconds: Number.NaN } } },
      /^perTryTimeoutSeconds/,
    ],
    [{ routeOptions: { retryPolicy: { retryOn: [], numRetries: -1 } } }, /^numRetries is -1/],
    [
      { upstreams: { shop: { protocol: "http3" } } },
      /^the protocol of upstream "shop" is "http3": give one of/,
    ],
    [
      { filters: [{ name: "a", module: "a.wasm", failurePolicy: "OPEN" }] },
      /^the failurePolicy of filter "a" is "OPEN": give one of/,
    ],
    [
      { filters: [{ name: "a", module: "a.wasm" }], upstreamFilters: [{ name: "a", module: "a.wasm" }] },
      /^two filters are named "a": give each a name of its own/,
    ],
  ])("is not made of %j", (options, message) => {
    expectRefused(() => hostProxy(options as ProxyOptions), message);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("lets no %d milliseconds pass", (ms) => {
    expectRefused(
      () => hostProxy().advance(ms),
      /^the time to advance is .*: give a number of milliseconds, 0 or more/,
    );
    expectRefused(() => loadModule(commands.module).advance(ms), /^the time to advance/);
  });

  test.each<[string, RequestOptions, RegExp]>([
    [
      "a name with a space",
      { headers: [["a b", "1"]] },
      /^the request's headers: "a b" is not a header name/,
    ],
    ["no name", { headers: [["", "1"]] }, /"" is not a header name/],
    ["a pseudo-header", { headers: [[":path", "/"]] }, /":path" is not a header name/],
    [
      "a value with a line end",
      { headers: [["a", "1\r\nb: 2"]] },
      /the value "1\\r\\nb: 2" of a cannot be sent/,
    ],
    ["a value with NUL", { headers: [["a", "\0"]] }, /of a cannot be sent/],
    ["a value of wide characters", { headers: [["a", "€"]] }, /of a cannot be sent/],
    ["a long odd value", { headers: [["a", `\n${"x".repeat(1000)}`]] }, /^.{1,250}$/],
    ["an odd trailer", { trailers: [["a", "\n"]] }, /^the request's trailers/],
    ["an odd path", { path: "/\r\nx" }, /^the path "\/\\r\\nx" cannot be sent/],
    ["an odd method", { method: "GET /" }, /^the method "GET \/" cannot be sent/],
    ["another protocol", { protocol: "h2" as "http2" }, /^the protocol of the request is "h2"/],
  ])("takes no request with %s", (_name, request, message) => {
    expectRefused(() => hostProxy().request(request), message);
    const { body: _body, trailers, ...headers } = request;
    if (trailers === undefined) expectRefused(() => hostProxy().open(headers), message);
    else expectRefused(() => hostProxy().open().sendTrailers(trailers), /^sendTrailers: the value/);
  });

  test.each<[UpstreamResponse, RegExp]>([
    [
      { status: 99_999 },
      /^the status in the answer of upstream "upstream" is 99999: give a whole number from 200 to 999/,
    ],
    [{ status: 100 }, /^the status/],
    [{ status: Number.NaN }, /^the status/],
    [{ delayMs: -1 }, /^delayMs in the answer of upstream "upstream" is -1/],
    [{ pieceDelayMs: Number.NaN }, /^pieceDelayMs in/],
    [{ fault: "slow" as "reset" }, /^the fault in .* is "slow": give one of reset, reset-in-body, never/],
    [{ headers: [["a b", ""]] }, /^the headers in .*: "a b" is not a header name/],
    [{ trailers: [["a", "\r\n"]] }, /^the trailers in .*: the value "\\r\\n" of a cannot be sent/],
  ])("takes no answer of %j, whoever gives it", (answer, message) => {
    expectRefused(() => hostProxy({ upstreams: { upstream: () => answer } }).request(), message);
    const byHand = hostProxy({ upstreams: { upstream: () => undefined } });
    byHand.request();
    expectRefused(() => byHand.attempts[0]?.respond(answer), message);
    byHand.attempts[0]?.respond({ status: 201 });
  });

  test.each<[GrpcAnswer, RegExp]>([
    [{ delayMs: Number.NaN }, /^delayMs in the answer of gRPC method \/test.Echo\/Say is NaN/],
    [{ status: -1 }, /^the status in/],
    [{ initialMetadata: [["a", "\n"]] }, /^initialMetadata in/],
  ])("takes no gRPC answer of %j", (answer, message) => {
    const { module } = commands;
    const proxy = hostProxy({
      filters: [{ name: "a", module, configuration: "a" }],
      upstreams: { upstream: () => ({}), service: { grpc: { "/test.Echo/Say": () => answer } } },
    });
    expectRefused(() => proxy.request(doing("a@request_headers=grpc")), message);
  });

  test("takes bytes beyond ASCII and tabs in values, as Envoy does", () => {
    const headers: HeaderList = [["x-one", "\xff\xfe\ta"]];
    const proxy = hostProxy({ upstreams: { upstream: () => ({ headers }) } });
    expect(proxy.request({ headers }).response?.header("x-one")).toBe("\xff\xfe\ta");
    expect(proxy.upstreamSaw()[0]?.header("x-one")).toBe("\xff\xfe\ta");
  });
});

describe("a module", () => {
  test("that does not exist is refused with its path, and how to build it", () => {
    const missing = path.join(folder, "missing.wasm");
    for (const load of [
      () => loadModule(missing),
      () => hostProxy({ filters: [{ name: "a", module: missing }] }),
    ]) {
      const { code, message } = errorOf(load);
      expect(code).toBe("build");
      expect(message).toBe(`there is no module at ${missing}: build it first, with \`meshwright build\``);
    }
  });

  test("that is not WebAssembly is refused with its path", async () => {
    const text = path.join(folder, "text.wasm");
    await writeFile(text, "no module");
    for (const file of [text, folder]) {
      const { code, message } = errorOf(() => loadModule(file));
      expect([code, message.startsWith(`${file} is not a WebAssembly module (`)]).toEqual(["build", true]);
    }
  });

  test("has no log level 6, and no buffer limit of 0", () => {
    expectRefused(() => loadModule(commands.module, { logLevel: 6 }), /^logLevel is 6/);
    expectRefused(() => loadModule(commands.module, { bufferLimit: -1 }), /^bufferLimit is -1/);
  });

  test.each<[string, unknown]>([
    ["function", () => {}],
    ["big integer", 1n],
  ])("is not configured with %s", (_name, value) => {
    expectRefused(
      () => loadModule(commands.module).configure(value as Json),
      /^the configuration is not a JSON value/,
    );
    const filters = [{ name: "a", module: commands.module, configuration: value as Json }];
    expectRefused(() => hostProxy({ filters }), /^the configuration of filter "a" is not a JSON value/);
  });
});

describe("a configuration", () => {
  const configured = (value?: Json | Uint8Array) => loadModule(commands.module).configure(value).logs;

  test("is read unchanged when it is text or bytes, and as JSON text when it is another value", () => {
    expect(configured("{ 1")).toEqual(["configure { 1"]);
    expect(configured(Buffer.from("{ 2"))).toEqual(["configure { 2"]);
    expect(configured({ a: [1, true] })).toEqual(["configure {a:[1,true]}"]);
    expect(configured()).toEqual(["configure "]);
  });

  test.each<[Json | undefined, string]>([
    [{ region: "north" }, 'vm {"region":"north"}'],
    ["north", 'vm "north"'],
    [undefined, "vm "],
  ])("of the VM that is %j is JSON text, as in Envoy", (vmConfiguration, line) => {
    const filter = { name: "a", module: commands.module, configuration: "a" };
    const given = vmConfiguration === undefined ? filter : { ...filter, vmConfiguration };
    const proxy = hostProxy({ filters: [given] });
    proxy.request(doing("a@request_headers=vm"));
    expect(proxy.logs.at(-1)?.text).toBe(line);
  });
});
