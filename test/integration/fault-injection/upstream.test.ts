// fault-injection in a cluster's chain of stock Envoy: each attempt meets the fault, and so do the
// route's timeouts and retries.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { callGrpc, EARLY_MS, type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

/** The first attempt of a request, which the router counts from 1. */
const FIRST_ATTEMPT: FaultRule["match"] = { headers: [{ name: "x-envoy-attempt-count", exact: "1" }] };

const respond = ({ path }: UpstreamRequest): UpstreamResponse => {
  if (path === "/empty") return { status: 204 };
  if (path === "/big") return { body: ["x".repeat(1_000_000), "y"], trailers: [["x-own", "trailer"]] };
  return { body: "served", headers: [["x-own", "upstream"]] };
};

let second: Upstream;
let fault: FaultEnvoy;
let envoy: TestEnvoy;

/** Three attempts of at most 250 ms each, in a second at most. */
beforeAll(async () => {
  second = await startUpstream({ name: "second", protocol: "http2", respond });
  fault = await startFaultEnvoy({
    where: "upstream",
    upstream: { respond },
    upstreams: { second },
    routeOptions: {
      timeoutSeconds: 1,
      retryPolicy: {
        retryOn: ["5xx", "reset", "connect-failure"],
        numRetries: 2,
        perTryTimeoutSeconds: 0.25,
      },
    },
  });
  envoy = fault.envoy;
});

afterAll(async () => {
  await fault?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(envoy));

describe.each(["http1", "http2"] as const)("of an upstream that speaks %s", (protocol) => {
  const headers: HeaderList = protocol === "http2" ? [["x-mesh-destination", "second"]] : [];
  const name = (word: string) => `${word}-${protocol}`;

  /** What the client got, how long it took, and which attempts the upstream saw. */
  async function ask(path = "/", body?: string, sent = headers) {
    const upstream = protocol === "http2" ? second : fault.upstream;
    const seen = upstream.requests.length;
    const before = performance.now();
    const answer = await send(envoy.url, { path, headers: sent, ...(body === undefined ? {} : { body }) });
    const attempts = upstream.requests.slice(seen);
    return { answer, ms: performance.now() - before, attempts };
  }

  const counts = (attempts: readonly UpstreamRequest[]) =>
    attempts.map((attempt) => attempt.header("x-envoy-attempt-count"));

  test("an attempt that is aborted is retried, and the retry succeeds", async () => {
    const rule = name("abort-first");
    await fault.rules({ name: rule, match: FIRST_ATTEMPT, abort: { status: 503, body: "no" } });
    for (const body of [undefined, "x".repeat(20_000)]) {
      const { answer, attempts } = await ask("/", body);
      expect(answer).toMatchObject({ status: 200, body: "served" });
      expect(counts(attempts).at(-1)).toBe("2");
      expect(attempts.at(-1)?.body).toBe(body ?? "");
    }
    expect(await fault.outcomes(rule)).toEqual({ aborted: 2 });
    expect(await fault.active(rule)).toBe(0);
  });

  test("when every attempt is aborted the client gets the abort", async () => {
    const rule = name("abort-all");
    const abort = { status: 503, body: "closed for today", headers: [{ name: "x-fault", value: "1" }] };
    await fault.configure({ explainHeader: "x-why", rules: [{ name: rule, abort }] });
    for (const path of ["/", "/big"]) {
      const { answer } = await ask(path);
      expect(answer).toMatchObject({ status: 503, body: "closed for today", end: "whole", trailers: [] });
      expect(answer.header("x-fault")).toBe("1");
      expect(answer.header("x-own")).toBeUndefined();
      expect(answer.header("x-why")).toBe(`${rule};outcome=aborted`);
    }
    expect(await fault.outcomes(rule)).toEqual({ aborted: 6 });
    expect(await fault.active(rule)).toBe(0);
  });

  test("a fault that a client asks for happens to its first attempt, and its header does not reach the upstream", async () => {
    await fault.configure({ clientFaults: { name: name("asked") }, rules: [] });
    const asked: HeaderList = [...headers, ["x-envoy-fault-abort-request", "503"]];
    expect((await ask("/", undefined, asked)).answer).toMatchObject({ status: 200, body: "served" });
    const late: HeaderList = [...headers, ["x-envoy-fault-delay-request", "900"]];
    const { answer, attempts } = await ask("/", undefined, late);
    expect(answer).toMatchObject({ status: 200, body: "served" });
    expect(attempts.flatMap((attempt) => attempt.headers).filter(([header]) => /fault/.test(header))).toEqual(
      [],
    );
    expect(await fault.outcomes(name("asked"))).toEqual({ aborted: 1, delayed: 1 });
  });

  test("an abort that is not retried reaches the client at once", async () => {
    const rule = name("abort-404");
    await fault.rules({ name: rule, abort: { status: 404, body: "not here" } });
    expect((await ask()).answer).toMatchObject({ status: 404, body: "not here" });
    // A response without a body cannot be given one.
    expect((await ask("/empty")).answer).toMatchObject({ status: 404, body: "", end: "whole" });
    expect(await send(envoy.url, { method: "HEAD", headers })).toMatchObject({ status: 404, body: "" });
    expect((await ask()).answer).toMatchObject({ status: 404, body: "not here" });
    expect(await fault.outcomes(rule)).toEqual({ aborted: 4 });
  });

  test("a per-try timeout fires on a delay, and the retry succeeds", async () => {
    const rule = name("delay-first");
    await fault.rules({ name: rule, match: FIRST_ATTEMPT, delay: { fixed: "800ms" } });
    for (const body of [undefined, "x".repeat(20_000)]) {
      const { answer, ms, attempts } = await ask("/", body);
      expect(answer).toMatchObject({ status: 200, body: "served" });
      expect(ms).toBeGreaterThanOrEqual(250 - EARLY_MS);
      expect(ms).toBeLessThan(800);
      expect(counts(attempts)).toEqual(["2"]);
      expect(attempts[0]?.body).toBe(body ?? "");
    }
    expect(await fault.outcomes(rule)).toEqual({ delayed: 2 });
    await expect.poll(() => fault.active(rule)).toBe(0);
  });

  test("a delay within the per-try timeout only makes the attempt slow", async () => {
    const rule = name("delay-short");
    await fault.rules({ name: rule, delay: { fixed: "100ms" } });
    const { answer, ms, attempts } = await ask("/", "body");
    expect(answer).toMatchObject({ status: 200, body: "served" });
    expect(ms).toBeGreaterThanOrEqual(100 - EARLY_MS);
    expect(attempts.map(({ body }) => body)).toEqual(["body"]);
    expect(await fault.outcomes(rule)).toEqual({ delayed: 1 });
  });

  test("a black hole of every attempt ends with the last per-try timeout", async () => {
    const rule = name("hole");
    await fault.rules({ name: rule, blackHole: {} });
    const { answer, ms, attempts } = await ask(`/${rule}`);
    expect(answer).toMatchObject({ status: 504, body: "upstream request timeout" });
    expect(ms).toBeGreaterThanOrEqual(750 - EARLY_MS);
    expect(attempts).toEqual([]);
    expect(await fault.outcomes(rule)).toEqual({ "black-holed": 3 });
    expect(await fault.logged(`/${rule}`)).toMatchObject([
      {
        details: "upstream_per_try_timeout",
        flags: expect.stringContaining("UT"),
        fault: `${rule};outcome=black-holed`,
      },
    ]);
    await expect.poll(() => fault.active(rule)).toBe(0);
  });

  test("a replaced status is retried like any other", async () => {
    const rule = name("status");
    await fault.rules({ name: rule, match: FIRST_ATTEMPT, response: { status: 502 } });
    const { answer, attempts } = await ask();
    expect(answer).toMatchObject({ status: 200, body: "served" });
    expect(answer.header("x-own")).toBe("upstream");
    expect(counts(attempts)).toEqual(["1", "2"]);
    expect(await fault.outcomes(rule)).toEqual({ response: 1 });
  });

  test("a truncated body reaches the client short", async () => {
    await fault.rules({ name: name("short"), response: { truncateAfter: 3 } });
    expect((await ask()).answer).toMatchObject({ status: 200, body: "ser", end: "whole" });
  });

  test("a share is drawn for each attempt: of many requests nearly all succeed in the end", async () => {
    const rule = name("third");
    await fault.rules({ name: rule, share: { percentage: 30 }, abort: { status: 503 } });
    const answers = [];
    for (let i = 0; i < 100; i++) answers.push((await ask()).answer.status);
    const { aborted = 0 } = await fault.outcomes(rule);
    // 0.3 of the attempts, of which a request makes 1.39: 42, plus or minus six standard
    // deviations.
    expect(aborted).toBeGreaterThan(5);
    expect(aborted).toBeLessThan(85);
    // 0.3³ of the requests: 2.7 of a hundred.
    expect(answers.filter((status) => status === 200).length).toBeGreaterThan(80);
    expect(new Set(answers)).not.toContain(0);
  });
});

describe("of a gRPC service", () => {
  let grpc: Upstream;
  let calls: FaultEnvoy;
  const call = () => callGrpc(calls.envoy, "/shop.Orders/Get");

  beforeAll(async () => {
    grpc = await startGrpcUpstream({
      "/shop.Orders/Get": (answer) => {
        answer.send("an order");
        answer.end(0);
      },
    });
    calls = await startFaultEnvoy({
      where: "upstream",
      upstreams: { grpc },
      routeOptions: { retryPolicy: { retryOn: ["unavailable"], numRetries: 2 } },
    });
  });

  afterAll(async () => {
    await calls?.[Symbol.asyncDispose]();
    await grpc?.[Symbol.asyncDispose]();
  });

  test("an aborted attempt is retried by its gRPC status, and the client gets the order", async () => {
    await calls.rules({ name: "grpc-first", match: FIRST_ATTEMPT, abort: { grpcStatus: 14 } });
    expect(await call()).toEqual({ code: 0, details: "an order" });
    expect(await calls.outcomes("grpc-first")).toEqual({ aborted: 1 });
    expect(grpc.requests.at(-1)?.header("x-envoy-attempt-count")).toBe("2");
  });

  test("a real client sees the status and message of the last attempt", async () => {
    await calls.rules({ name: "grpc-all", abort: { grpcStatus: 14, body: "closed for tea" } });
    expect(await call()).toEqual({ code: 14, details: "closed for tea" });
    expect(await calls.outcomes("grpc-all")).toEqual({ aborted: 3 });
    await calls.rules({ name: "grpc-other", abort: { grpcStatus: 9, body: "not now" } });
    expect(await call()).toEqual({ code: 9, details: "not now" });
    expect(await calls.outcomes("grpc-other")).toEqual({ aborted: 1 });
    await calls.expectAlive();
  });
});

test("the route's timeout ends a black hole when no attempt has a limit", async () => {
  await using patient = await startFaultEnvoy({ where: "upstream", routeOptions: { timeoutSeconds: 0.4 } });
  await patient.rules({ name: "hole", blackHole: {} });
  expect(await send(patient.envoy.url, { path: "/hole" })).toMatchObject({ status: 504 });
  expect(await patient.logged("/hole")).toMatchObject([{ details: "response_timeout", flags: "UT" }]);
  expect(patient.upstream.requests).toEqual([]);
  await expect.poll(() => patient.active("hole")).toBe(0);
});

test("a black hole's own limit is answered to the client, and not retried", async () => {
  await fault.rules({ name: "own-limit", blackHole: { limit: "100ms" } });
  const before = fault.upstream.requests.length;
  expect(await send(envoy.url)).toMatchObject({ status: 504 });
  expect(await fault.outcomes("own-limit")).toEqual({ "black-holed": 1 });
  expect(fault.upstream.requests).toHaveLength(before);
});

test("none of these tests ended a VM", () => fault.expectAlive());
