// fault-injection in stock Envoy, in the listener's chain: delays, aborts, black holes, and where
// each is visible.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { callGrpc, EARLY_MS, type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";

const PROTOCOLS = ["http1", "http2"] as const;

let grpc: Upstream;
let fault: FaultEnvoy;
let envoy: TestEnvoy;
let upstream: Upstream;

/** One Envoy for all tests: each gives it rules with names of their own. */
beforeAll(async () => {
  grpc = await startGrpcUpstream({
    "/shop.Orders/Get": (call) => {
      call.send("an order");
      call.end(0);
    },
  });
  fault = await startFaultEnvoy({
    upstream: { respond: () => ({ body: "served", headers: [["x-why", "forged by the upstream"]] }) },
    upstreams: { grpc },
    // An edge proxy that gives up on an idle stream.
    listenerOptions: { streamIdleTimeoutSeconds: 2 },
  });
  ({ envoy, upstream } = fault);
});

afterAll(async () => {
  await fault?.[Symbol.asyncDispose]();
  await grpc?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(envoy));

const elapsed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const before = performance.now();
  const result = await work();
  return [result, performance.now() - before];
};

describe.each(PROTOCOLS)("over %s", (protocol) => {
  const name = (word: string) => `${word}-${protocol}`;

  test("a delayed request continues whole, and the log says what held it", async () => {
    const rule = name("delayed");
    await fault.rules({ name: rule, match: { path: { prefix: "/slow" } }, delay: { fixed: "80ms" } });
    const before = upstream.requests.length;
    const body = "x".repeat(300_000);
    const path = `/slow/${rule}`;
    const [answer, ms] = await elapsed(() => send(envoy.url, { protocol, path, body }));
    expect(answer).toMatchObject({ status: 200, body: "served" });
    expect(ms).toBeGreaterThanOrEqual(80 - EARLY_MS);
    expect(upstream.requests.slice(before).map((request) => request.body.length)).toEqual([300_000]);
    expect(await send(envoy.url, { protocol, path: "/other" })).toMatchObject({ status: 200 });
    expect(await fault.outcomes(rule)).toEqual({ delayed: 1 });
    expect(await fault.logged(path)).toMatchObject([{ status: 200, fault: `${rule};outcome=delayed` }]);
    expect(await fault.active(rule)).toBe(0);
  });

  test("an abort answers with its status, body, headers and content type, and the upstream sees nothing", async () => {
    const rule = name("aborted");
    const headers = [
      { name: "x-fault", value: "tea" },
      { name: "x-fault", value: "pot" },
    ];
    const abort = { status: 418, body: '{"no":"tea"}', contentType: "application/json", headers };
    await fault.rules({ name: rule, abort });
    const before = upstream.requests.length;
    const path = `/${rule}`;
    const answer = await send(envoy.url, { protocol, path, body: "x".repeat(100_000) });
    expect(answer).toMatchObject({ status: 418, body: '{"no":"tea"}' });
    expect(answer.header("content-type")).toBe("application/json");
    expect(answer.headers.filter(([header]) => header === "x-fault").map(([, value]) => value)).toEqual([
      "tea",
      "pot",
    ]);
    expect(upstream.requests).toHaveLength(before);
    expect(await fault.outcomes(rule)).toEqual({ aborted: 1 });
    const details = `fault_injection_abort{${rule}}`;
    expect(await fault.logged(path)).toMatchObject([
      { status: 418, details, fault: `${rule};outcome=aborted` },
    ]);
  });

  test("an abort may have a body of 64 KiB and 32 headers, and no body in answer to HEAD", async () => {
    const body = "é".repeat(32_768);
    const headers = Array.from({ length: 32 }, (_, i) => ({ name: `x-fault-${i}`, value: "v".repeat(500) }));
    await fault.rules({ name: name("large"), abort: { status: 599, body, headers } });
    const answer = await send(envoy.url, { protocol });
    expect(answer.status).toBe(599);
    expect(answer.body === body).toBe(true);
    expect(answer.headers.filter(([header]) => /^x-fault-/.test(header))).toHaveLength(32);
    expect(await send(envoy.url, { protocol, method: "HEAD" })).toMatchObject({ status: 599, body: "" });
  });

  test("an abort may come after a delay", async () => {
    const rule = name("late");
    await fault.rules({ name: rule, delay: { fixed: "60ms" }, abort: { status: 503 } });
    const [answer, ms] = await elapsed(() => send(envoy.url, { protocol, path: `/${rule}`, body: "x" }));
    expect(answer).toMatchObject({ status: 503, body: "" });
    expect(ms).toBeGreaterThanOrEqual(60 - EARLY_MS);
    expect(await fault.outcomes(rule)).toEqual({ aborted: 1 });
    expect(await fault.active(rule)).toBe(0);
  });

  test("a black hole lasts until the client gives up", async () => {
    const rule = name("hole");
    await fault.rules({ name: rule, blackHole: {} });
    const before = upstream.requests.length;
    const asked = send(envoy.url, { protocol, timeoutMs: 1_000 });
    await Promise.all([
      expect(asked).rejects.toThrow("no whole answer"),
      expect.poll(() => fault.active(rule)).toBe(1),
    ]);
    await expect.poll(() => fault.active(rule)).toBe(0);
    expect(await fault.outcomes(rule)).toEqual({ "black-holed": 1 });
    expect(upstream.requests).toHaveLength(before);
  });

  test("a black hole ends with 504 at its limit", async () => {
    const rule = name("limited-hole");
    await fault.rules({ name: rule, blackHole: { limit: "150ms" } });
    const path = `/${rule}`;
    const [answer, ms] = await elapsed(() => send(envoy.url, { protocol, path, body: "x".repeat(5000) }));
    expect(answer.status).toBe(504);
    expect(ms).toBeGreaterThanOrEqual(150 - EARLY_MS);
    const details = `fault_injection_black_hole{${rule}}`;
    expect(await fault.logged(path)).toMatchObject([
      { status: 504, details, fault: `${rule};outcome=black-holed` },
    ]);
    expect(await fault.active(rule)).toBe(0);
  });

  test("a black hole ends when the listener finds the stream idle", async () => {
    const rule = name("idle-hole");
    await fault.rules({ name: rule, blackHole: {} });
    expect(await send(envoy.url, { protocol, path: `/${rule}` })).toMatchObject({ status: 504 });
    expect(await fault.logged(`/${rule}`)).toMatchObject([{ details: "stream_idle_timeout" }]);
    await expect.poll(() => fault.active(rule)).toBe(0);
  });

  test("the response says what was done when the configuration asks for it", async () => {
    const [passing, aborting] = [name("told-delay"), name("told-abort")];
    await fault.configure({
      explainHeader: "x-why",
      rules: [
        { name: passing, match: { path: { exact: "/pass" } }, delay: { fixed: "5ms" } },
        { name: aborting, match: { path: { exact: "/stop" } }, abort: { status: 500 } },
      ],
    });
    const why = async (path: string) => {
      const { headers } = await send(envoy.url, { protocol, path, headers: [["x-why", "forged"]] });
      return headers.filter(([header]) => header === "x-why").map(([, value]) => value);
    };
    expect(await why("/pass")).toEqual([`${passing};outcome=delayed`]);
    expect(await why("/stop")).toEqual([`${aborting};outcome=aborted`]);
    expect(await why("/")).toEqual([]);
    await fault.rules();
    expect(await why("/")).toEqual(["forged by the upstream"]);
  });
});

describe("a real gRPC client", () => {
  const call = () => callGrpc(envoy, "/shop.Orders/Get");

  test("sees the status and message of an abort", async () => {
    const abort = { grpcStatus: 8, body: "too much tea" };
    await fault.rules({ name: "grpc", match: { path: { prefix: "/shop.Orders/" } }, abort });
    const before = grpc.requests.length;
    expect(await call()).toEqual({ code: 8, details: "too much tea" });
    expect(grpc.requests).toHaveLength(before);
    expect(await fault.outcomes("grpc")).toEqual({ aborted: 1 });
    // Resource exhausted is 429 for clients that do not speak gRPC.
    expect(await send(envoy.url, { path: "/shop.Orders/Get" })).toMatchObject({ status: 429 });
    await fault.rules();
    expect(await call()).toEqual({ code: 0, details: "an order" });
  });

  test("sees the gRPC status that belongs to an HTTP status", async () => {
    await fault.rules({ name: "grpc-http", abort: { status: 503, body: "closed" } });
    expect(await call()).toEqual({ code: 14, details: "closed" });
  });

  test("takes no spoilt response for a whole one", async () => {
    const spoilt = { code: 14, details: "fault injected" };
    for (const truncateAfter of [0, 3, 8]) {
      await fault.rules({ name: "grpc-cut", response: { truncateAfter } });
      expect(await call()).toEqual(spoilt);
    }
    await fault.rules({ name: "grpc-status", response: { status: 503 } });
    expect(await call()).toEqual(spoilt);
    await fault.rules({ name: "grpc-whole", response: { truncateAfter: 1000, status: 200 } });
    expect(await call()).toEqual({ code: 0, details: "an order" });
  });

  test("sees an abort after a delay", async () => {
    await fault.rules({ name: "grpc-late", delay: { fixed: "50ms" }, abort: { grpcStatus: 13 } });
    const [answer, ms] = await elapsed(() => call());
    expect(answer.code).toBe(13);
    expect(ms).toBeGreaterThanOrEqual(50 - EARLY_MS);
  });
});

test("a request that matches no rule passes unchanged, and nothing is counted", async () => {
  await fault.rules({ name: "nobody", match: { path: { exact: "/nobody" } }, abort: { status: 500 } });
  expect(await send(envoy.url)).toMatchObject({ status: 200 });
  expect(await fault.outcomes("nobody")).toEqual({});
  await fault.expectAlive();
});
