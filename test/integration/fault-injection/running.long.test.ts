// fault-injection in a busy stock Envoy: thousands of held streams, changes of the configuration,
// clients that leave.

import { once } from "node:events";
import http2 from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import { EARLY_MS, type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";

const FILTER = "fault-injection";
const MANY = 100_000;

let fault: FaultEnvoy;
let envoy: TestEnvoy;

beforeAll(async () => {
  fault = await startFaultEnvoy({
    upstream: { protocol: "http2", respond: () => ({ body: "served" }) },
    // By default Envoy allows 1024 requests at once.
    clusterOptions: {
      circuitBreakers: { maxConnections: MANY, maxPendingRequests: MANY, maxRequests: MANY },
    },
  });
  envoy = fault.envoy;
});

afterAll(() => fault?.[Symbol.asyncDispose]());

beforeEach(() => showLogsOnFailure(envoy));

/**
 * Sends requests on few connections, all at once. The first step settles when they are sent, the
 * second when they are answered.
 */
function load(requests: number) {
  return runLoad({
    port: envoy.port,
    protocol: "http2",
    connections: 32,
    streams: Math.ceil(requests / 32),
    requests,
    forMs: 10_000,
  });
}

const held = (rule: string, count: number) =>
  expect.poll(() => fault.active(rule), { interval: 20 }).toBe(count);

test("thousands of delayed streams at once are all answered", async () => {
  const streams = amount(3000, 1000);
  await fault.rules({ name: "crowd", delay: { fixed: "3s" } });
  const answered = load(streams);
  await held("crowd", streams);
  const { statuses, answers } = await answered;
  expect(statuses).toEqual({ 200: streams });
  const shortest = Math.min(...answers.map(({ sentMs, answeredMs }) => answeredMs - sentMs));
  expect(shortest).toBeGreaterThanOrEqual(3000 - EARLY_MS);
  expect(await fault.outcomes("crowd")).toEqual({ delayed: streams });
  expect(await fault.active("crowd")).toBe(0);
});

test("a change of the configuration loses none of thousands of held streams", async () => {
  const streams = amount(2000, 1000);
  const before = fault.upstream.requests.length;
  await fault.rules({ name: "changed", delay: { fixed: "3s" } });
  const answered = load(streams);
  await held("changed", streams);
  await fault.rules({ name: "changed", match: { path: { exact: "/now" } }, abort: { status: 503 } });
  expect(await send(envoy.url, { path: "/now" })).toMatchObject({ status: 503 });
  await fault.rules();
  expect(await send(envoy.url, { path: "/now" })).toMatchObject({ status: 200 });
  expect((await answered).statuses).toEqual({ 200: streams });
  expect(fault.upstream.requests).toHaveLength(before + streams + 1);
  expect(await fault.outcomes("changed")).toEqual({ delayed: streams, aborted: 1 });
  expect(await fault.active("changed")).toBe(0);
});

test("changes in a row, under load, lose nothing either", async () => {
  await fault.rules({ name: "flip", delay: { fixed: "30ms" } });
  const answered = runLoad({ port: envoy.port, protocol: "http2", connections: 8, streams: 8, forMs: 3000 });
  for (let i = 0; i < 15; i++) {
    await fault.rules({ name: "flip", delay: { uniform: { min: "1ms", max: `${10 + i}ms` } } });
  }
  const { statuses } = await answered;
  expect(Object.keys(statuses)).toEqual(["200"]);
  await held("flip", 0);
});

test("clients that leave while they are held leave nothing", async () => {
  const before = fault.upstream.requests.length;
  await fault.rules(
    { name: "left-hole", match: { path: { exact: "/hole" } }, blackHole: {} },
    { name: "left", delay: { fixed: "1h" } },
  );
  const session = http2.connect(envoy.url);
  for (let i = 0; i < 100; i++) {
    for (const path of ["/", "/hole"]) session.request({ ":path": path }).on("error", () => {});
  }
  await held("left", 100);
  await held("left-hole", 100);
  session.destroy();
  await held("left", 0);
  await held("left-hole", 0);
  expect(await fault.outcomes("left")).toEqual({ delayed: 100 });
  await fault.rules();
  expect(await send(envoy.url)).toMatchObject({ status: 200 });
  expect(fault.upstream.requests).toHaveLength(before + 1);
});

test("a request after one whose client left waits for the whole of its own delay", async () => {
  await fault.rules({ name: "after", delay: { fixed: "600ms" } });
  for (let round = 0; round < 3; round++) {
    const session = http2.connect(envoy.url);
    for (let i = 0; i < 50; i++) session.request({ ":path": "/left" }).on("error", () => {});
    await held("after", 50);
    session.destroy();
    await held("after", 0);
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(envoy.url, { path: "/after" })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  }
  const [shortest] = await fault.heldMs("/after", 150);
  expect(shortest).toBeGreaterThanOrEqual(600 - EARLY_MS);
});

test("clients that leave at any moment of any fault leave nothing", async () => {
  const any = { uniform: { min: "1ms", max: "40ms" } };
  const rules = [
    { name: "any-abort", delay: any, abort: { status: 503 } },
    { name: "any-delay", delay: any },
    { name: "any-hole", blackHole: { limit: "30ms" } },
    { name: "any-body", delay: any, response: { truncateAfter: 5, bytesPerSecond: 100 } },
  ];
  await fault.rules(...rules.map((rule) => ({ ...rule, match: { path: { exact: `/${rule.name}` } } })));
  for (let round = 0; round < 20; round++) {
    const session = http2.connect(envoy.url).on("error", () => {});
    const streams = Array.from({ length: 60 }, (_, i) =>
      session
        .request({ ":path": `/${rules[i % 4]?.name}` })
        .on("error", () => {})
        .resume(),
    );
    await once(streams[round] as http2.ClientHttp2Stream, "close");
    session.destroy();
  }
  for (const { name } of rules) await held(name, 0);
  await fault.expectAlive();
});

test("a leftover timer does not answer or continue a request that Envoy's own timeout answered", async () => {
  const rule = { name: "outer-slow", response: { bytesPerSecond: 20 } };
  await using idle = await startFaultEnvoy({
    listenerOptions: { streamIdleTimeoutSeconds: 1 },
    before: [{ name: "outer", module: FILTER, configuration: { rules: [rule] } }],
  });
  const match = { path: { exact: "/delay" } };
  await idle.rules(
    { name: "idle-delay", match, delay: { fixed: "1300ms" } },
    { name: "idle-hole", blackHole: { limit: "1300ms" } },
  );
  // The outer filter holds Envoy's answer, "stream timeout", until the inner filter's timer would
  // have fired.
  for (const path of ["/delay", "/hole"]) {
    const answer = await send(idle.envoy.url, { path, protocol: "http2" });
    expect(answer).toMatchObject({ status: 504, body: "stream timeout", end: "whole" });
  }
  expect(idle.upstream.requests).toEqual([]);
  await idle.expectAlive();
});

test("a body is held with its request, and arrives whole", async () => {
  await fault.rules({ name: "body", delay: { fixed: "200ms" } });
  const body = "0123456789".repeat(500_000);
  for (const protocol of ["http1", "http2"] as const) {
    expect(await send(envoy.url, { protocol, body })).toMatchObject({ status: 200 });
    expect(fault.upstream.requests.at(-1)?.body === body).toBe(true);
    expect(
      await send(envoy.url, { protocol, body: ["a", "b", "c"], trailers: [["x-end", "1"]] }),
    ).toMatchObject({
      status: 200,
    });
    // Over HTTP/1.1 Envoy drops trailers.
    const trailers = protocol === "http2" ? [["x-end", "1"]] : [];
    expect(fault.upstream.requests.at(-1)).toMatchObject({ body: "abc", trailers });
  }
  await fault.rules({ name: "body-hole", blackHole: { limit: "300ms" } });
  expect((await send(envoy.url, { protocol: "http2", body })).status).toBe(504);
  expect(await fault.active("body-hole")).toBe(0);
});

describe("a wrong configuration", () => {
  const delay = { fixed: "1ms" };
  const WRONG: [string, object, string][] = [
    ["no fault", { name: "a" }, "rules[0]"],
    ["two answers", { name: "a", abort: { status: 500 }, blackHole: {} }, "rules[0]"],
    ["a percentage over 100", { name: "a", share: { percentage: 100.5 }, delay }, "share.percentage"],
    ["a negative percentage", { name: "a", share: { percentage: -1 }, delay }, "share.percentage"],
    ["a negative delay", { name: "a", delay: { fixed: "-5ms" } }, "delay.fixed"],
    ["a delay without a unit", { name: "a", delay: { fixed: 5 } }, "delay.fixed"],
    ["two distributions", { name: "a", delay: { fixed: "1ms", exponential: { mean: "1ms" } } }, "delay"],
    ["an invalid status", { name: "a", abort: { status: 600 } }, "abort.status"],
    ["an invalid gRPC status", { name: "a", abort: { grpcStatus: 17 } }, "abort.grpcStatus"],
    [
      "a header with a line break",
      { name: "a", abort: { status: 500, headers: [{ name: "a", value: "b\r\nc" }] } },
      "value",
    ],
    ["a rate of zero", { name: "a", response: { bytesPerSecond: 0 } }, "bytesPerSecond"],
    [
      "a table that falls",
      {
        name: "a",
        delay: {
          percentiles: [
            { percentile: 0, delay: "2ms" },
            { percentile: 100, delay: "1ms" },
          ],
        },
      },
      "percentiles",
    ],
    ["an invalid time", { name: "a", from: "2026-02-30T00:00:00Z", delay }, "from"],
    [
      "a window that ends before it begins",
      { name: "a", from: "2026-02-02T00:00:00Z", until: "2026-02-01T00:00:00Z", delay },
      "rules[0]",
    ],
    ["a maximum of no active faults", { name: "a", maxActive: 0, delay }, "maxActive"],
    ["an empty key", { name: "a", share: { percentage: 1, key: {} }, delay }, "share.key"],
    ["a misspelt word", { name: "a", dellay: delay }, "dellay"],
  ];

  beforeAll(() => fault.rules({ name: "last-good", abort: { status: 418 } }));

  test.each(WRONG)("%s is refused with its place, and the last good one stays", async (_, rule, place) => {
    const outcome = await envoy.configure(FILTER, { where: "downstream", rules: [rule] } as never);
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining(place) });
    expect(await send(envoy.url)).toMatchObject({ status: 418 });
  });
});

test("none of these tests ended a VM", () => fault.expectAlive());
