// Which requests fault-injection takes in stock Envoy: shares, sticky keys, the order of rules,
// times of day, and how many faults may be active at once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { runLoad } from "../../support/load.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

let fault: FaultEnvoy;

beforeAll(async () => {
  fault = await startFaultEnvoy();
});

afterAll(() => fault?.[Symbol.asyncDispose]());

beforeEach(() => showLogsOnFailure(fault.envoy));

const abort = { status: 503 } as const;
const status = async (options?: SendOptions) => (await send(fault.envoy.url, options)).status;
/** For each request, in groups of 20, whether it was aborted. */
async function aborted(requests: readonly SendOptions[], url = fault.envoy.url): Promise<boolean[]> {
  const found: boolean[] = [];
  for (let i = 0; i < requests.length; i += 20) {
    const batch = await Promise.all(requests.slice(i, i + 20).map((request) => send(url, request)));
    for (const answer of batch) found.push(answer.status === 503);
  }
  return found;
}
const count = (list: readonly boolean[]) => list.filter(Boolean).length;

test("a share of 10 % without a key takes about 200 of 2,000 requests, and counts as many", async () => {
  await fault.rules({ name: "tenth", share: { percentage: 10 }, abort });
  const { statuses } = await runLoad({
    port: fault.envoy.port,
    connections: 16,
    requests: 2000,
    forMs: 20_000,
  });
  const taken = statuses[503] ?? 0;
  expect(taken + (statuses[200] ?? 0)).toBe(2000);
  // Six standard deviations: a correct filter fails this about once in half a billion runs.
  expect(Math.abs(taken - 200)).toBeLessThan(6 * Math.sqrt(2000 * 0.1 * 0.9));
  expect(await fault.outcomes("tenth")).toEqual({ aborted: taken });
});

test("0 % takes none, 100 % all", async () => {
  await fault.rules(
    { name: "none", share: { percentage: 0 }, abort: { status: 500 } },
    { name: "all", share: { percentage: 100 }, abort },
  );
  for (let i = 0; i < 20; i++) expect(await status()).toBe(503);
  expect([await fault.outcomes("none"), await fault.outcomes("all")]).toEqual([{}, { aborted: 20 }]);
});

describe("a sticky share", () => {
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  const one = (name: string, value: string): SendOptions => ({ headers: [[name, value]] });
  const trace = (i: number) => (i * 7919 + 1).toString(16).padStart(32, "a");
  type Key = NonNullable<NonNullable<FaultRule["share"]>["key"]>;
  const KEYS: [string, Key, (i: number) => SendOptions][] = [
    ["a header", { header: "x-user" }, (i) => one("x-user", `user-${i}`)],
    ["a cookie", { cookie: "id" }, (i) => one("cookie", `theme=dark; id=${i}`)],
    [
      "the client's address",
      { clientAddress: true },
      (i) => one("x-forwarded-for", `192.0.${i >> 4}.${i % 16}`),
    ],
    ["the trace", { traceId: true }, (i) => one("traceparent", `00-${trace(i)}-00f067aa0ba902b7-01`)],
  ];

  test.each(KEYS)(
    "by %s takes the same ones again, and more of them when it grows",
    async (word, key, of) => {
      const rule = (percentage: number): FaultRule => ({
        name: `sticky-${word.replace(/\W/g, "-")}`,
        share: { percentage, key },
        abort,
      });
      const requests = numbers.map(of);
      await fault.rules(rule(30));
      const first = await aborted(requests);
      expect(await aborted(requests)).toEqual(first);
      expect(Math.abs(count(first) - 60)).toBeLessThan(6 * Math.sqrt(200 * 0.3 * 0.7));
      await fault.rules(rule(60));
      const later = await aborted(requests);
      expect(numbers.filter((i) => first[i] && !later[i])).toEqual([]);
      expect(count(later)).toBeGreaterThan(count(first));
    },
  );

  test("takes a trace in every service, however its id is written", async () => {
    await using other = await startFaultEnvoy();
    const rule: FaultRule = { name: "trace", share: { percentage: 50, key: { traceId: true } }, abort };
    await Promise.all([fault.rules(rule), other.rules(rule)]);
    const ids = numbers.slice(0, 100).map(trace);
    const w3c = ids.map((id) => one("traceparent", `00-${id}-00f067aa0ba902b7-01`));
    const here = await aborted(w3c);
    expect(await aborted(w3c, other.envoy.url)).toEqual(here);
    const b3 = ids.map((id) => one("b3", `${id}-00f067aa0ba902b7-1`));
    expect(await aborted(b3, other.envoy.url)).toEqual(here);
    expect(count(here)).toBeGreaterThan(20);
    expect(count(here)).toBeLessThan(80);
  });
});

test("rules are tried in order, and the first that takes the request decides", async () => {
  await fault.rules(
    { name: "order-beta", match: { headers: [{ name: "x-group", exact: "beta" }] }, abort: { status: 501 } },
    { name: "order-write", match: { method: ["POST", "PUT"] }, abort: { status: 502 } },
    { name: "order-api", match: { path: { segments: "/api" } }, abort: { status: 503 } },
  );
  const beta: SendOptions["headers"] = [["x-group", "beta"]];
  expect(await status({ headers: beta, method: "POST", path: "/api" })).toBe(501);
  expect(await status({ method: "POST", path: "/api/v1" })).toBe(502);
  expect(await status({ path: "/api/v1" })).toBe(503);
  expect(await status({ path: "/apis" })).toBe(200);
  expect(await fault.outcomes("order-beta")).toEqual({ aborted: 1 });
  expect(await fault.outcomes("order-write")).toEqual({ aborted: 1 });
  expect(await fault.outcomes("order-api")).toEqual({ aborted: 1 });
});

test("a rule in shadow mode counts, does not act, and leaves the decision to the next rules", async () => {
  await fault.configure({
    explainHeader: "x-why",
    rules: [
      { name: "ghost-hole", shadow: true, match: { path: { exact: "/a" } }, blackHole: {} },
      { name: "ghost-delay", shadow: true, delay: { fixed: "1h" } },
      { name: "ghost-abort", shadow: true, delay: { fixed: "1h" }, abort: { status: 500 } },
      { name: "ghost-body", shadow: true, response: { truncateAfter: 0 } },
      { name: "real", match: { path: { exact: "/a" } }, abort },
    ],
  });
  expect(await status({ path: "/b" })).toBe(200);
  const answer = await send(fault.envoy.url, { path: "/a" });
  expect(answer.status).toBe(503);
  expect(answer.header("x-why")).toBe(
    "ghost-hole;outcome=shadow-black-holed, ghost-delay;outcome=shadow-delayed, ghost-abort;outcome=shadow-aborted, " +
      "ghost-body;outcome=shadow-response, real;outcome=aborted",
  );
  const names = ["ghost-hole", "ghost-delay", "ghost-abort", "ghost-body", "real"];
  expect(await Promise.all(names.map((name) => fault.outcomes(name)))).toEqual([
    { "shadow-black-holed": 1 },
    { "shadow-delayed": 2 },
    { "shadow-aborted": 2 },
    { "shadow-response": 2 },
    { aborted: 1 },
  ]);
});

describe("a window of time", () => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const HOUR = 3_600_000;

  test("is open between its ends, and closed before and after", async () => {
    await fault.rules(
      { name: "past", until: at(-1000), abort: { status: 500 } },
      { name: "future", from: at(HOUR), abort: { status: 501 } },
      { name: "over", from: at(-2 * HOUR), until: at(-HOUR), abort: { status: 502 } },
      { name: "now", from: at(-HOUR), until: at(HOUR).replace("Z", "+00:00"), abort },
    );
    expect(await status()).toBe(503);
    const names = ["past", "future", "over", "now"];
    expect(await Promise.all(names.map((name) => fault.outcomes(name)))).toEqual([
      {},
      {},
      {},
      { aborted: 1 },
    ]);
  });

  test("understands offsets from UTC", async () => {
    const inTokyo = new Date(Date.now() + 9 * HOUR + 60_000).toISOString().replace("Z", "+09:00");
    await fault.rules({ name: "tokyo", until: inTokyo, abort });
    expect(await status()).toBe(503);
    await fault.rules({ name: "tokyo-later", from: inTokyo, abort });
    expect(await status()).toBe(200);
  });

  test("opens and closes while Envoy runs", async () => {
    await fault.rules({ name: "soon", from: at(700), until: at(1700), abort });
    expect(await status()).toBe(200);
    await expect.poll(status).toBe(503);
    await expect.poll(status).toBe(200);
  });
});

describe("faults that may be active at once", () => {
  /**
   * Sends the given number of requests at once. When all others are answered, it gives up those
   * that are still held.
   */
  async function flood(requests: number, options: SendOptions = {}): Promise<number> {
    const statuses = await Promise.all(
      Array.from({ length: requests }, () =>
        send(fault.envoy.url, { ...options, timeoutMs: 2_000 }).then(
          (answer) => answer.status,
          () => 0,
        ),
      ),
    );
    expect(new Set(statuses.filter((each) => each !== 0))).toEqual(new Set([200]));
    return statuses.filter((each) => each === 0).length;
  }

  test("are as many as the rule allows, over both workers; other requests pass", async () => {
    await fault.rules({ name: "five", maxActive: 5, blackHole: {} });
    let held = 0;
    for (let round = 1; round <= 2; round++) {
      const now = await flood(60);
      // Two workers that reach the last place at once may both be refused.
      expect(now).toBeLessThanOrEqual(5);
      expect(now).toBeGreaterThanOrEqual(4);
      held += now;
      await expect.poll(() => fault.active("five")).toBe(0);
      expect(await fault.outcomes("five")).toEqual({ "black-holed": held, limited: 60 * round - held });
    }
  });

  test("are as many as the configuration allows for all rules together", async () => {
    await fault.configure({
      maxActive: 7,
      rules: [
        { name: "seven-a", match: { path: { exact: "/a" } }, blackHole: {} },
        { name: "seven-b", maxActive: 3, blackHole: {} },
      ],
    });
    const [a, b] = await Promise.all([flood(20, { path: "/a" }), flood(20, { path: "/b" })]);
    expect(a + b).toBeLessThanOrEqual(7);
    expect(b).toBeLessThanOrEqual(3);
    expect(a + b).toBeGreaterThanOrEqual(4);
    const taken = (held: number) => (held === 0 ? {} : { "black-holed": held });
    expect(await fault.outcomes("seven-a")).toEqual({ ...taken(a), limited: 20 - a });
    expect(await fault.outcomes("seven-b")).toEqual({ ...taken(b), limited: 20 - b });
    await expect
      .poll(async () => [await fault.active("seven-a"), await fault.active("seven-b")])
      .toEqual([0, 0]);
  });

  test("of a rule that only delays are never counted for longer than the delay lasts", async () => {
    await fault.rules({ name: "turns", maxActive: 2, delay: { fixed: "20ms" } });
    for (let i = 0; i < 30; i++) expect(await status()).toBe(200);
    expect(await fault.outcomes("turns")).toEqual({ delayed: 30 });
    expect(await fault.active("turns")).toBe(0);
  });
});

test("none of these tests ended a VM", () => fault.expectAlive());
