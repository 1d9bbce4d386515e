// The matchers on the kit's real objects: a proxy and its exchanges, a module and its streams.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileSource } from "../../test/support/compile-source.js";
import { type HostedModule, loadModule } from "../host/load.js";
import { type HostedProxy, hostProxy } from "../host/proxy.js";
import "../vitest.js";

/**
 * Counts and logs each request, answers a request itself when its path has no `?`, and marks every
 * response.
 */
const FILTER = `
@external("env", "proxy_log") declare function log(level: i32, at: usize, size: usize): i32;
@external("env", "proxy_define_metric") declare function define(type: i32, at: usize, size: usize, out: usize): i32;
@external("env", "proxy_increment_metric") declare function increment(id: u32, by: i64): i32;
@external("env", "proxy_add_header_map_value")
declare function add(map: i32, name: usize, nameSize: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_send_local_response") declare function reply(
  status: u32, details: usize, detailsSize: usize, body: usize, bodySize: usize, pairs: usize, pairsSize: usize,
  grpc: i32): i32;

const out = memory.data(4, 4);
const NAME = String.UTF8.encode("requests");
const MARK = String.UTF8.encode("x-mark");
const BODY = String.UTF8.encode("no");
function at(text: ArrayBuffer): usize { return changetype<usize>(text); }

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_configure(id: u32, size: u32): u32 {
  define(0, at(NAME), NAME.byteLength, out);
  return 1;
}
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  increment(load<u32>(out), 1);
  log(3, at(NAME), NAME.byteLength);
  if (end) return 0;
  reply(403, at(MARK), MARK.byteLength, at(BODY), BODY.byteLength, 0, 0, 7);
  return 1;
}
export function proxy_on_response_headers(id: u32, count: u32, end: u32): u32 {
  add(2, at(MARK), MARK.byteLength, at(BODY), BODY.byteLength);
  return 0;
}
`;

let folder: string;
let module: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-matchers-"));
  module = path.join(folder, "filter.wasm");
  await compileSource(FILTER, module);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a proxy", () => {
  let proxy: HostedProxy;

  beforeEach(() => {
    proxy = hostProxy({
      filters: [{ name: "filter", module }],
      upstreams: {
        one: () => ({ status: 201, headers: [["x-from", "one"]] }),
        two: () => undefined,
      },
      routeOptions: { header: "x-to" },
    });
  });

  test("shows a response that came through", () => {
    const exchange = proxy.request({ path: "/a" });
    expect(exchange).toHaveStatus(201);
    expect(exchange).toHaveHeader("x-from", "one");
    expect(exchange).toHaveHeader("x-mark", "no");
    expect(exchange.response).not.toHaveHeader("x-none");
    expect(exchange).not.toHaveTrailer("x-from");
    expect(exchange).not.toBeLocalReply();
    expect(proxy).toHaveReached("one", 1);
    expect(proxy).toHaveReached();
    expect(proxy).not.toHaveReached("two");
    expect(proxy.upstreamSaw("one")[0]).toHaveHeader("x-envoy-attempt-count", "1");
  });

  test("shows a filter's own answer", () => {
    const exchange = proxy.request({ method: "POST", body: "x" });
    expect(exchange).toBeLocalReply({ status: 403, body: "no", details: "x-mark", grpcStatus: 7 });
    expect(exchange).toHaveStatus(403);
    expect(proxy).not.toHaveReached("one");
    expect(proxy).toHaveLogged("requests", "warn");
    expect(proxy).not.toHaveLogged("requests", "error");
    expect(proxy).toHaveMetric("requests", 1);
  });

  test("says that an answer is still to come", () => {
    const exchange = proxy.request({ headers: [["x-to", "two"]] });
    expect(() => expect(exchange).toHaveStatus(200)).toThrow(/nothing came there yet/);
    expect(() => expect(exchange).toBeLocalReply()).toThrow(
      "No filter answered by itself, and nothing else has answered yet.",
    );
    proxy.attempts[0]?.respond({ status: 204 });
    expect(exchange).toHaveStatus(204);
  });
});

describe("a module", () => {
  let hosted: HostedModule;

  beforeEach(() => {
    hosted = loadModule(module);
    hosted.configure("");
  });

  test("shows an exchange", () => {
    const exchange = hosted.exchange([[":path", "/"]]);
    expect(exchange).toHaveStatus(200);
    expect(exchange).toHaveHeader("X-Mark", /^n/);
    expect(exchange.request).toHaveHeader(":path", "/");
    expect(exchange).not.toBeLocalReply();
    expect(hosted).toHaveLogged(/^req/);
    expect(hosted).toHaveMetric("requests", 1);
  });

  test("shows a stream and its sides", () => {
    const stream = hosted.open([[":path", "/"]], { endOfStream: true });
    expect(stream.upstream).toHaveHeader(":path");
    expect(() => expect(stream).toHaveHeader("x-mark")).toThrow(/nothing came there yet/);
    stream.responseHeaders([[":status", "200"]]);
    stream.responseTrailers([["grpc-status", "0"]]);
    expect(stream).toHaveHeader("x-mark");
    expect(stream).toHaveTrailer("grpc-status", "0");
    expect(hosted.open([[":path", "/"]])).toBeLocalReply({ status: 403 });
  });
});
