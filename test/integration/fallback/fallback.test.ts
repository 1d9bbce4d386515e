// fallback in stock Envoy: in place of which answers the last good one is served, and which answers
// are never kept.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { type FallbackEnvoy, type Rule, startFallbackEnvoy } from "./fallback-envoy.js";

let place: FallbackEnvoy;

beforeAll(async () => {
  place = await startFallbackEnvoy({
    routeOptions: { timeoutSeconds: 1 },
    listenerOptions: { maxRequestHeadersKb: 512 },
    after: [
      { name: "circuit-breaker", module: "circuit-breaker", configuration: { rules: [] } },
      { name: "deadline", module: "deadline", configuration: { header: { trusted: true } } },
      { name: "fault-injection", module: "fault-injection", configuration: { rules: [] } },
    ],
  });
}, 120_000);

beforeEach(() => {
  place.respond = () => ({ body: "good" });
  showLogsOnFailure(place.envoy);
});

afterEach(() => place.expectAlive());

afterAll(() => place?.[Symbol.asyncDispose]());

const GOOD: UpstreamResponse = {
  status: 200,
  headers: [
    ["content-type", "application/json"],
    ["x-own", "a"],
    ["x-own", "b"],
  ],
  body: '["tea"]',
};

/** A rule whose answer to `/` is kept. */
async function kept(fields: Omit<Rule, "name"> = {}, headers: HeaderList = [], path = "/") {
  const name = await place.rule(fields);
  place.respond = () => GOOD;
  await place.keep(name, { headers, path });
  return name;
}

const outcome = (response: { header(name: string): string | undefined }) =>
  response.header("x-fallback")?.replace(/^.*outcome=/, "");

describe("the last good answer is served, with its age and the reason", () => {
  test.each([500, 502, 503, 599])("in place of %d", async (status) => {
    await kept();
    place.respond = () => ({ status, body: "bad" });
    const response = await place.request();
    expect([response.status, response.body]).toEqual([200, '["tea"]']);
    expect(response.header("content-type")).toBe("application/json");
    expect(response.headers.filter(([name]) => name === "x-own")).toEqual([
      ["x-own", "a"],
      ["x-own", "b"],
    ]);
    expect(Number(response.header("age"))).toBeLessThan(60);
    expect(response.header("cache-status")).toMatch(
      new RegExp(`^fallback; fwd=stale; fwd-status=${status}; ttl=-?\\d+; detail="status"$`),
    );
    expect(outcome(response)).toBe("served-status");
  });

  test("where the upstream resets, times out, or refuses", async () => {
    await kept();
    place.respond = () => ({ fault: "reset" });
    expect(outcome(await place.request())).toBe("served-reset");
    place.respond = () => ({ fault: "never" });
    const late = await place.request();
    expect([late.body, outcome(late)]).toEqual(['["tea"]', "served-timeout"]);
    await place.upstream.stop();
    try {
      expect(outcome(await place.request())).toBe("served-refused");
    } finally {
      await place.upstream.start();
    }
  });

  test("where a circuit is open", async () => {
    await kept();
    const rules = [{ name: "shop", trip: { consecutive: 1 }, open: { sleep: "1h" } }];
    await place.envoy.configure("circuit-breaker", { rules });
    try {
      place.respond = () => ({ status: 500 });
      expect(outcome(await place.request())).toBe("served-status");
      place.respond = () => GOOD;
      const response = await place.request();
      expect([response.status, response.body]).toEqual([200, '["tea"]']);
      expect(response.header("retry-after")).toBeUndefined();
      expect(response.header("cache-status")).toMatch(/^fallback; hit; ttl=-?\d+; detail="circuit_open"$/);
      const other = await place.request({ path: "/other" });
      expect([other.status, outcome(other)]).toEqual([503, "missed"]);
    } finally {
      await place.envoy.configure("circuit-breaker", { rules: [] });
    }
  });

  test("where a deadline is too near, and where a drill answers", async () => {
    await kept();
    const late = await place.request({ headers: [["x-request-timeout-ms", "0"]] });
    expect([late.status, outcome(late)]).toEqual([200, "served-deadline_exceeded"]);
    await place.envoy.configure("fault-injection", { rules: [{ name: "all", abort: { status: 503 } }] });
    try {
      const drilled = await place.request();
      expect([drilled.status, outcome(drilled)]).toEqual([200, "served-fault_injection_abort"]);
    } finally {
      await place.envoy.configure("fault-injection", { rules: [] });
    }
  });

  test("to HEAD without its body", async () => {
    await kept();
    place.respond = () => ({ status: 500 });
    const response = await place.request({ method: "HEAD" });
    expect([response.status, response.body, response.header("content-length")]).toEqual([200, "", "7"]);
  });
});

describe("an upstream cannot", () => {
  /** What the failing upstream's client gets after such an answer. */
  async function after(answer: UpstreamResponse, headers: HeaderList = []) {
    await place.rule();
    place.respond = () => answer;
    const first = await place.request({ headers });
    place.respond = () => ({ status: 500, body: "bad" });
    const second = await place.request({ headers });
    return { first, second, decided: outcome(second) };
  }

  test.each<[string, UpstreamResponse]>([
    ["half a body", { body: ["half", "never"], fault: "reset-in-body" }],
    ["a body of a megabyte", { body: "x".repeat(1_000_000) }],
    ["headers of 50 KB", { headers: new Array(50).fill(["x-big", "y".repeat(1000)]) }],
    ["a cookie", { headers: [["set-cookie", "session=mine"]] }],
    ["an answer that is private", { headers: [["cache-control", "private"]] }],
    ["an answer to every origin", { headers: [["vary", "Origin"]] }],
  ])("have %s kept", async (_, answer) => {
    expect((await after(answer)).decided).toBe("missed");
  });

  test("make its answers older or younger than they are", async () => {
    const old = await after({ headers: [["age", "99999999999"]], body: "old" });
    expect(old.decided).toBe("expired");
    const young = await after({ headers: [["age", "-5"]], body: "young" });
    expect([young.decided, Number(young.second.header("age")) < 60]).toEqual(["served-status", true]);
  });

  test("keep anybody waiting for the end of a slow body, also while the settings change", async () => {
    await place.rule();
    place.respond = () => ({ body: ["a", "b", "c", "d"], pieceDelayMs: 100 });
    const slow = place.request();
    const name = await place.rule();
    expect((await slow).body).toBe("abcd");
    place.respond = () => GOOD;
    await place.keep(name);
    place.respond = () => ({ status: 500 });
    expect((await place.request()).body).toBe('["tea"]');
  });
});

test("a stale answer is served at once, while one call asks for a newer one", async () => {
  const cacheControl: HeaderList = [["cache-control", "max-age=0, stale-while-revalidate=600"]];
  const name = await place.rule({ revalidate: { timeout: "10s" } });
  place.respond = () => ({ headers: cacheControl, body: "first" });
  await place.keep(name);
  place.respond = () => ({ headers: cacheControl, body: "second", delayMs: 300 });
  await expect
    .poll(async () => (await place.request()).header("cache-status"))
    .toMatch(/^fallback; hit; ttl=-?\d+; detail="stale-while-revalidate"$/);
  const before = place.upstream.requests.length;
  const answers = await Promise.all(Array.from({ length: 50 }, () => place.request()));
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(["first"]));
  await expect.poll(async () => (await place.request()).body, { interval: 50 }).toBe("second");
  // One for all fifty, and one more where the newer answer was stale again.
  expect(place.upstream.requests.length - before).toBeLessThanOrEqual(2);
});
