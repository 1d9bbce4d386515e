// What fault-injection does to responses in stock Envoy: another status, less of the body, or a
// slow body.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

const TEN = "0123456789";
const MEGABYTE = 1_000_000;

/** From a path to the upstream's answer. */
const ANSWERS: Readonly<Record<string, UpstreamResponse>> = {
  "/sized": { headers: [["content-length", "10000"]], body: TEN.repeat(1000) },
  "/pieces": { body: Array.from({ length: 10 }, () => TEN.repeat(100)) },
  "/slow-pieces": { body: Array.from({ length: 5 }, () => TEN), pieceDelayMs: 60 },
  "/trailers": { body: [TEN, TEN], trailers: [["x-end", "1"]] },
  "/empty": { status: 204 },
  "/nothing": { headers: [["content-length", "0"]] },
  "/error": { status: 500, body: "an error of its own" },
  "/big": { body: TEN.repeat((5 * MEGABYTE) / 10) },
  "/broken": { body: [TEN, TEN], fault: "reset-in-body" },
};

const respond = ({ path }: UpstreamRequest): UpstreamResponse => ANSWERS[path] ?? { body: "served" };

let second: Upstream;
let fault: FaultEnvoy;

beforeAll(async () => {
  second = await startUpstream({ name: "second", protocol: "http2", respond });
  fault = await startFaultEnvoy({ upstream: { respond }, upstreams: { second } });
});

afterAll(async () => {
  await fault?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(fault.envoy));

let rules = 0;

/** One rule for all requests. Its name is new, so its counters begin at 0. */
async function spoil(response: NonNullable<FaultRule["response"]>, more: Partial<FaultRule> = {}) {
  const name = `response-${++rules}`;
  await fault.rules({ name, response, ...more });
  return name;
}

describe.each(["http1", "http2"] as const)("over %s on both sides", (protocol) => {
  const to: HeaderList = protocol === "http2" ? [["x-mesh-destination", "second"]] : [];
  const get = (path: string, options: SendOptions = {}) =>
    send(fault.envoy.url, { protocol, path, headers: to, ...options });
  const timed = async (path: string) => {
    const before = performance.now();
    const answer = await get(path);
    return { answer, ms: performance.now() - before };
  };

  test("another status, and the rest unchanged", async () => {
    const rule = await spoil({ status: 503 });
    const sized = await get("/sized");
    expect(sized).toMatchObject({ status: 503, body: TEN.repeat(1000), end: "whole" });
    expect(await get("/error")).toMatchObject({ status: 503, body: "an error of its own" });
    expect(await get("/empty")).toMatchObject({ status: 503, body: "", end: "whole" });
    expect(await fault.outcomes(rule)).toEqual({ response: 3 });
    expect(await fault.active(rule)).toBe(0);
  });

  test.each(["/sized", "/pieces", "/big"])("a body that ends too soon: %s", async (path) => {
    for (const bytes of [0, 1, 999, 1000, 1001, 4321]) {
      await spoil({ truncateAfter: bytes });
      const answer = await get(path);
      expect({ bytes, ...answer }).toMatchObject({ status: 200, end: "whole" });
      expect(answer.body).toBe(TEN.repeat(500).slice(0, bytes));
      expect(answer.header("content-length") ?? String(bytes)).toBe(String(bytes));
    }
  });

  test("a body that is shorter than the limit stays whole", async () => {
    const rule = await spoil({ truncateAfter: 20_000 });
    for (const [path, size] of [
      ["/sized", 10_000],
      ["/pieces", 10_000],
      ["/empty", 0],
      ["/nothing", 0],
    ] as const) {
      const answer = await get(path);
      expect(answer.body).toHaveLength(size);
      expect(answer.end).toBe("whole");
    }
    expect(await fault.outcomes(rule)).toEqual({ response: 4 });
  });

  test("a truncated answer to HEAD has no body, and the next request is answered", async () => {
    await spoil({ truncateAfter: 5 });
    expect(await get("/sized", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    expect(await get("/sized")).toMatchObject({ body: "01234" });
  });

  test("a body at a rate takes size / rate", async () => {
    const rule = await spoil({ bytesPerSecond: 10_000 });
    const asked = timed("/pieces");
    await expect.poll(() => fault.active(rule)).toBe(1);
    const { answer, ms } = await asked;
    expect(answer).toMatchObject({ status: 200, body: TEN.repeat(1000), end: "whole" });
    // A second for 10,000 bytes, of which a first piece may arrive at once.
    expect(ms).toBeGreaterThan(750);
    expect(ms).toBeLessThan(1900);
    const sized = await timed("/sized");
    expect(sized.answer).toMatchObject({ body: TEN.repeat(1000), end: "whole" });
    expect(sized.ms).toBeGreaterThan(750);
    expect(sized.ms).toBeLessThan(1900);
    expect(await fault.outcomes(rule)).toEqual({ response: 2 });
    await expect.poll(() => fault.active(rule)).toBe(0);
  });

  test("five megabytes at a rate arrive whole, and in time", async () => {
    await spoil({ bytesPerSecond: 5 * MEGABYTE });
    const { answer, ms } = await timed("/big");
    expect(answer.body).toHaveLength(5 * MEGABYTE);
    expect(answer.end).toBe("whole");
    expect(ms).toBeGreaterThan(750);
    expect(ms).toBeLessThan(3000);
  });

  test("a body that arrives slower than the rate is not held", async () => {
    await spoil({ bytesPerSecond: 100_000 });
    const { answer, ms } = await timed("/slow-pieces");
    expect(answer).toMatchObject({ body: TEN.repeat(5), end: "whole" });
    expect(ms).toBeGreaterThan(200);
    expect(ms).toBeLessThan(1000);
  });

  test("a client that leaves in the middle of a slow body ends the fault", async () => {
    const rule = await spoil({ bytesPerSecond: 100 });
    // An answer that has begun is cut off, for HTTP/1.1 without an error.
    const answer = await get("/pieces", { timeoutMs: 300 }).catch(() => undefined);
    expect(answer?.end).not.toBe("whole");
    await expect.poll(() => fault.active(rule)).toBe(0);
    expect(await fault.outcomes(rule)).toEqual({ response: 1 });
  });

  test("when an upstream breaks off in the middle, the client sees the same as without a fault", async () => {
    await fault.rules();
    // Over HTTP/2 Envoy 1.36 ends such a stream without an error.
    const { end } = await get("/broken");
    await spoil({ bytesPerSecond: MEGABYTE });
    expect(await get("/broken")).toMatchObject({ status: 200, end });
    await spoil({ status: 502 });
    expect(await get("/broken")).toMatchObject({ status: 502, end });
  });

  test("a delay, then another status at a rate", async () => {
    const rule = await spoil({ status: 500, bytesPerSecond: 50_000 }, { delay: { fixed: "100ms" } });
    const { answer, ms } = await timed("/pieces");
    expect(answer).toMatchObject({ status: 500, body: TEN.repeat(1000), end: "whole" });
    expect(ms).toBeGreaterThan(250);
    expect(await fault.outcomes(rule)).toEqual({ response: 1 });
  });

  test("all three at once", async () => {
    await spoil({ status: 502, truncateAfter: 2500, bytesPerSecond: 5000 });
    const { answer, ms } = await timed("/sized");
    expect(answer).toMatchObject({ status: 502, body: TEN.repeat(250), end: "whole" });
    expect(ms).toBeGreaterThan(370);
  });
});

describe("trailers", () => {
  const get = () =>
    send(fault.envoy.url, {
      protocol: "http2",
      path: "/trailers",
      headers: [["x-mesh-destination", "second"]],
    });

  test("arrive after a slow body", async () => {
    await spoil({ bytesPerSecond: 100 });
    const before = performance.now();
    expect(await get()).toMatchObject({ body: TEN + TEN, trailers: [["x-end", "1"]], end: "whole" });
    expect(performance.now() - before).toBeGreaterThan(150);
  });

  test("of a truncated response do no harm", async () => {
    await spoil({ truncateAfter: 3 });
    expect(await get()).toMatchObject({ status: 200, body: "012", end: "whole" });
  });
});

test("many slow bodies at once each have their own rate", async () => {
  const rule = await spoil({ bytesPerSecond: 20_000 });
  const before = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      send(fault.envoy.url, { path: "/sized", protocol: i % 2 === 0 ? "http1" : "http2" }),
    ),
  );
  const ms = performance.now() - before;
  expect(answers.filter(({ body, end }) => body.length === 10_000 && end === "whole")).toHaveLength(100);
  expect(ms).toBeGreaterThan(375);
  expect(ms).toBeLessThan(3000);
  expect(await fault.outcomes(rule)).toEqual({ response: 100 });
  await fault.expectAlive();
});
