// Bodies through a probe filter in stock Envoy: what a buffer holds, and what writes do to it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, HeaderList } from "../../../kit/traffic.js";
import { compileProbe } from "../../support/compile-probe.js";

const TEN = "0123456789";
const MEBIBYTE = 1024 * 1024;

let folder: string;
let upstream: Upstream;
let withTrailers: Upstream;
let envoy: TestEnvoy;
let answer = TEN;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-bodies-"));
  const module = path.join(folder, "bodies.wasm");
  await compileProbe("test/probes/bodies/index.ts", module);
  upstream = await startUpstream({ respond: () => ({ body: answer }) });
  withTrailers = await startUpstream({
    protocol: "http2",
    respond: () => ({ body: TEN, trailers: [["x-end", "1"]] }),
  });
  envoy = await startEnvoy({
    filters: [{ name: "bodies", module }],
    upstreams: { upstream, trailers: withTrailers },
    workers: 1,
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await withTrailers?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

type Protocol = "http1" | "http2";

/**
 * Sends `body` with a command for the request; returns what the filter saw, and what the upstream
 * received.
 */
async function request(command: string, protocol: Protocol = "http2", body = TEN) {
  const before = upstream.requests.length;
  const response = await send(envoy.url, {
    method: "POST",
    protocol,
    headers: [["x-request", command]],
    body,
  });
  const saw = (response.header("x-saw") ?? "").split(" ");
  return { status: response.status, saw, got: upstream.requests[before]?.body };
}

/** What a client receives of the upstream's `body` with a command for the response. */
function response(command: string, protocol: Protocol = "http2", body = TEN): Promise<ClientResponse> {
  answer = body;
  return send(envoy.url, { protocol, headers: [["x-response", command]] });
}

const WRITES: [string, string][] = [
  ["append x", "0123456789x"],
  ["prepend x", "x0123456789"],
  ["replace x", "x"],
  ["replace a longer text than was there", "a longer text than was there"],
  ["clear", ""],
  ["window 0 clear", ""],
  ["window 3 append x", "0123456789x"],
  ["window 3 prepend x", "012x3456789"],
  ["window 3 replace x", "012x"],
  ["window 3 clear", "012"],
  ["window 10 prepend x", "0123456789x"],
  ["window 10 clear", TEN],
  ["window 4294967295 replace x", "0123456789x"],
];

describe.each(["http1", "http2"] as const)("a body held whole, over %s", (protocol) => {
  test.each(WRITES)("of a request: %s", async (command, expected) => {
    const { status, saw, got } = await request(`hold ${command}`, protocol);
    expect(saw.at(-1)).toBe("=0");
    expect(saw.at(-2)).toBe("10!");
    expect({ status, got }).toEqual({ status: 200, got: expected });
  });

  test.each(WRITES)("of a response: %s", async (command, expected) => {
    expect(await response(`hold ${command}`, protocol)).toMatchObject({ status: 200, body: expected });
  });

  test.each([
    ["size", "=10"],
    ["read 0 4", '"0123"'],
    ["read 2 3", '"234"'],
    ["read 8 4294967295", '"89"'],
    ["read 10 1", '""'],
    ["read 4294967295 4294967295", '""'],
    ["window 3 size", "=7"],
    ["window 3 read 2 3", '"567"'],
    ["window 11 size", "=0"],
    ["window 11 read 0 5", '""'],
    ["window 3 read 4294967295 1", '""'],
  ])("is read: %s", async (command, expected) => {
    const { saw, got } = await request(`hold ${command}`, protocol);
    expect(saw.at(-1)).toBe(expected);
    expect(got).toBe(TEN);
  });

  test("in each callback the buffer has everything that is held, including the last piece", async () => {
    const { saw, got } = await request("hold size", protocol, "x".repeat(900_000));
    const sizes = saw.slice(0, -1).map((entry) => Number.parseInt(entry, 10));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(saw.slice(-2)).toEqual(["900000!", "=900000"]);
    expect(got).toHaveLength(900_000);
  });

  test("can grow far beyond its first size", async () => {
    expect((await request("hold grow 900000", protocol)).got).toHaveLength(900_000);
    expect((await response("hold grow 900000", protocol)).body).toHaveLength(900_000);
  });
});

describe("a body in pieces", () => {
  test("each piece is in the buffer alone, and is passed on as it was written", async () => {
    const { saw, got } = await request("each prepend <", "http2", "x".repeat(500_000));
    const pieces = saw.filter((entry) => entry !== "=0").map((entry) => Number.parseInt(entry, 10));
    expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(500_000);
    expect(got?.replaceAll("<", "")).toHaveLength(500_000);
    expect(got?.split("<")).toHaveLength(pieces.length + 1);
  });

  test("the last piece may be empty, and can be written", async () => {
    const { saw, got } = await request("last append x", "http1");
    expect(saw.at(-1)).toBe("=0");
    expect(got).toBe(`${TEN}x`);
    expect((await response("last append x", "http1")).body).toBe(`${TEN}x`);
  });
});

test.each(["http1", "http2"] as const)(
  "a body held by the watermark over %s is in the buffer piece by piece, and arrives whole",
  async (protocol) => {
    const { saw, got } = await request("watermark append x", protocol, "x".repeat(900_000));
    expect(saw.at(-1)).toBe("=0");
    const pieces = saw.slice(0, -1).map((entry) => Number.parseInt(entry, 10));
    expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(900_000);
    expect(got).toHaveLength(900_001);
  },
);

describe("without a body", () => {
  test.each([
    ["last read 0 5", '""'],
    ["last size", "=0"],
    ["last append x", "=2"],
    ["last prepend x", "=2"],
    ["last replace x", "=2"],
    ["last clear", "=2"],
    ["last window 3 replace x", "=2"],
  ])("%s", async (command, expected) => {
    const answered = await send(envoy.url, { headers: [["x-request", command]] });
    expect(answered).toMatchObject({ status: 200 });
    expect(answered.header("x-saw")).toBe(expected);
    expect(upstream.requests.at(-1)?.body).toBe("");
  });

  test("reads find nothing and writes are refused after the body has been passed on", async () => {
    for (const [command, expected] of [
      ["late size", "=0"],
      ["late read 0 5", '""'],
      ["late append x", "=2"],
      ["late window 3 clear", "=2"],
    ] as const) {
      expect((await request(command)).saw.at(-1)).toBe(expected);
    }
  });
});

describe("a limit", () => {
  test("answers 413 to a body that is over it, in the filter's own words", async () => {
    expect(await request("limit 9")).toMatchObject({ status: 413, got: undefined });
    expect((await envoy.accessLog(1)).at(-1)).toMatchObject({ status: 413, details: "over_the_limit" });
    expect(await request("limit 10")).toMatchObject({ status: 200, got: TEN });
    expect(await request("limit 900000", "http1", "x".repeat(900_000))).toMatchObject({ status: 200 });
    expect(await request("limit 899999", "http1", "x".repeat(900_000))).toMatchObject({ status: 413 });
  });

  test("of Envoy's own ends a held body that is larger, or grows larger", async () => {
    expect(await request("hold size", "http1", "x".repeat(3 * MEBIBYTE))).toMatchObject({ status: 413 });
    expect((await envoy.accessLog(1)).at(-1)).toMatchObject({ details: "request_payload_too_large" });
    expect(await request("hold grow 3000000", "http1")).toMatchObject({ status: 413, got: undefined });
    const reset = { status: 200, end: "reset" };
    expect(await response("hold size", "http1", "x".repeat(3 * MEBIBYTE))).toMatchObject(reset);
    expect(await response("hold grow 3000000", "http1")).toMatchObject(reset);
  });

  test("of Envoy's own is the stream's window over HTTP/2", async () => {
    const large = "x".repeat(3 * MEBIBYTE);
    expect(await request("hold size", "http2", large)).toMatchObject({ status: 200, got: large });
    expect(await request("limit 3145727", "http2", large)).toMatchObject({ status: 413, got: undefined });
  });

  test("resets a response whose body is over it, because its headers have been sent", async () => {
    expect(await response("limit 9", "http1")).toMatchObject({ status: 200, end: "reset" });
    expect((await envoy.accessLog(1)).at(-1)).toMatchObject({ details: "over_the_limit" });
  });

  test("does not limit a body that is passed on in pieces", async () => {
    const { status, got } = await request("each size", "http2", "x".repeat(3 * MEBIBYTE));
    expect({ status, size: got?.length }).toEqual({ status: 200, size: 3 * MEBIBYTE });
    expect((await response("each append .", "http1", "x".repeat(3 * MEBIBYTE))).body.length).toBeGreaterThan(
      3 * MEBIBYTE,
    );
  });
});

describe("a body before trailers", () => {
  const exchange = (...headers: HeaderList) =>
    send(envoy.url, {
      protocol: "http2",
      headers: [["x-mesh-destination", "trailers"], ...headers],
      body: TEN,
      trailers: [["x-start", "2"]],
    });

  test("that was held is whole in the trailers' callback, to read and to write", async () => {
    const answered = await exchange(["x-request", "hold append !"], ["x-response", "hold append ?"]);
    expect(answered.header("x-saw")).toMatch(/10 trailers\(10\) =0$/);
    expect(answered.body).toBe(`${TEN}?`);
    expect(answered.trailers).toEqual([["x-end", "1"]]);
    expect(withTrailers.requests.at(-1)?.body).toBe(`${TEN}!`);
    expect(withTrailers.requests.at(-1)?.trailers).toEqual([["x-start", "2"]]);
  });

  test("that has been passed on is gone", async () => {
    const answered = await exchange(["x-request", "last append !"]);
    expect(answered.header("x-saw")).toMatch(/10 trailers\(0\) =2$/);
    expect(withTrailers.requests.at(-1)?.body).toBe(TEN);
  });
});
