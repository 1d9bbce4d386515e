// retry-budget in stock Envoy, one request at a time: what a client gets when a retry is refused,
// and the reasons for a refusal.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, UpstreamResponse } from "../../../kit/traffic.js";
import { type BudgetEnvoy, RETRIES, startBudgetEnvoy, withoutMark } from "./budget-envoy.js";

type Budget = NonNullable<RetryBudgetConfig["budgets"]>[number];

const NOTHING = { percentage: 0, minRetriesPerSecond: 0 };
const FAILURE: UpstreamResponse = {
  status: 503,
  headers: [
    ["x-own", "first"],
    ["x-own", "second"],
  ],
  body: "own failure",
};

const PROTOCOLS = ["http1", "http2"] as const;

/** What both upstreams answer. */
let answer: UpstreamResponse;
let upstreams: Record<(typeof PROTOCOLS)[number], Upstream>;
let budget: BudgetEnvoy;
let before: Record<string, number>;

beforeAll(async () => {
  const respond = () => answer;
  upstreams = {
    http1: await startUpstream({ respond }),
    http2: await startUpstream({ respond, protocol: "http2" }),
  };
  budget = await startBudgetEnvoy({
    // No server listens on the port of TCP's multiplexer.
    upstreams: { ...upstreams, refused: { port: 1 } },
    configuration: {},
    filters: [withoutMark()],
  });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  for (const server of Object.values(upstreams ?? {})) await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  showLogsOnFailure(budget.envoy);
  answer = FAILURE;
});

/** Every test has a budget with a name of its own, so that none sees what another has spent. */
async function configure(config: RetryBudgetConfig): Promise<void> {
  await budget.configure(config);
  before = await budget.decisions();
}

const decided = () => budget.decisionsSince(before);

interface Sent {
  readonly response: ClientResponse;
  /** How many attempts reached an upstream. */
  readonly attempts: number;
  /** The response code details in the access log. */
  readonly details: unknown;
}

const arrivals = () => Object.values(upstreams).reduce((sum, { requests }) => sum + requests.length, 0);

async function sendTo(destination: string, options: SendOptions = {}): Promise<Sent> {
  const arrived = arrivals();
  const logged = (await budget.envoy.accessLog()).length;
  const headers = [["x-mesh-destination", destination] as const, ...(options.headers ?? [])];
  const response = await send(budget.envoy.url, { ...options, headers });
  const entry = (await budget.envoy.accessLog(logged + 1)).at(-1);
  return { response, attempts: arrivals() - arrived, details: entry?.details };
}

describe.each(PROTOCOLS)("over %s", (protocol) => {
  const named = (name: string): Pick<Budget, "name"> => ({ name: `${name}-${protocol}` });
  const sent = (options: SendOptions = {}) => sendTo(protocol, { protocol, ...options });

  test("a spent budget lets the failed response through unchanged", async () => {
    await configure({ budgets: [{ ...named("whole"), ratio: NOTHING }] });
    const { response, attempts, details } = await sent();
    expect(response).toMatchObject({ status: 503, body: "own failure" });
    const own = response.headers.filter(([name]) => name === "x-own").map(([, value]) => value);
    expect(own).toEqual(["first", "second"]);
    expect(response.header("x-envoy-ratelimited")).toBeUndefined();
    expect([attempts, details]).toEqual([1, "via_upstream"]);
    expect(await decided()).toEqual({ [`whole-${protocol} exceeded`]: 1 });
  });

  test("a budget that is not spent lets the router retry as often as its route says", async () => {
    await configure({ budgets: [named("free")] });
    expect(await sent()).toMatchObject({ response: { status: 503 }, attempts: RETRIES + 1 });
    expect(await decided()).toMatchObject({ [`free-${protocol} retried`]: RETRIES });
  });

  test.each([
    ["was reset", protocol],
    ["was refused", "refused"],
  ])("when the connection %s the filter answers the next attempt", async (what, destination) => {
    answer = { fault: "reset" };
    const name = `${what.replace(" ", "-")}-${protocol}`;
    const status = 529;
    await configure({ answer: { status, body: "no more" }, budgets: [{ name, ratio: NOTHING }] });
    const { response, attempts, details } = await sendTo(destination, { protocol });
    expect(response).toMatchObject({ status, body: "no more" });
    expect(details).toBe(`retry_budget_exceeded{${name}}`);
    expect(attempts).toBe(destination === "refused" ? 0 : 1);
    expect(await decided()).toEqual({ [`${name} exceeded`]: 1 });
  });

  test("the answer is 503 without a body by default", async () => {
    answer = { fault: "reset" };
    await configure({ budgets: [{ ...named("plain"), ratio: NOTHING }] });
    const { response } = await sent();
    expect(response).toMatchObject({ status: 503, body: "" });
    // A caller's Envoy decides by its own budget.
    expect(response.header("x-envoy-ratelimited")).toBeUndefined();
  });

  test("a POST is not retried, and a GET is", async () => {
    await configure({ budgets: [named("method")] });
    expect(await sent({ method: "POST", body: "order" })).toMatchObject({
      response: { status: 503, body: "own failure" },
      attempts: 1,
    });
    expect(await decided()).toEqual({ [`method-${protocol} method`]: 1 });
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      expect((await sent({ method })).attempts).toBe(RETRIES + 1);
    }
  });

  test("a POST that was reset is not retried, but answered", async () => {
    answer = { fault: "reset" };
    await configure({ budgets: [named("lost")] });
    const { response, attempts } = await sent({ method: "POST", body: "order" });
    expect([response.status, attempts]).toEqual([503, 1]);
    expect(await decided()).toEqual({ [`lost-${protocol} method`]: 1 });
  });

  test("configured methods are retried, and no others", async () => {
    await configure({ budgets: [{ ...named("allowed"), methods: ["POST"] }] });
    expect((await sent({ method: "POST", body: "order" })).attempts).toBe(RETRIES + 1);
    expect((await sent()).attempts).toBe(1);
  });

  test.each([
    ["retry-after in seconds", "retry-after", "5"],
    ["retry-after as a date", "retry-after", new Date(Date.now() + 60_000).toUTCString()],
    ["grpc-retry-pushback-ms", "grpc-retry-pushback-ms", "1000"],
    ["a pushback that says never", "grpc-retry-pushback-ms", "-1"],
    ["a pushback that is not a number", "grpc-retry-pushback-ms", "soon"],
  ])("%s from the upstream is respected, unless configured otherwise", async (_, header, value) => {
    answer = { ...FAILURE, headers: [[header, value]] };
    await configure({ budgets: [named("pushback")] });
    const { response, attempts } = await sent();
    expect([response.status, response.header(header), attempts]).toEqual([503, value, 1]);
    expect(await decided()).toEqual({ [`pushback-${protocol} pushback`]: 1 });
    await configure({ budgets: [{ ...named("deaf"), respectPushback: false }] });
    expect((await sent()).attempts).toBe(RETRIES + 1);
  });

  test("retry-after that is over or not a time has no effect", async () => {
    await configure({ budgets: [named("over")] });
    for (const value of ["0", new Date(0).toUTCString()]) {
      answer = { ...FAILURE, headers: [["retry-after", value]] };
      expect((await sent()).attempts).toBe(RETRIES + 1);
    }
  });
});

test("a good response needs no retry: nothing is marked and nothing decided", async () => {
  answer = { status: 200, headers: [["retry-after", "5"]], body: "good" };
  await configure({ budgets: [{ name: "good", ratio: NOTHING }] });
  const { response } = await sendTo("http1", { method: "POST", body: "order" });
  expect(response).toMatchObject({ status: 200, body: "good" });
  expect(await decided()).toEqual({});
});

test("shadow mode counts what it would refuse, and refuses nothing", async () => {
  await configure({ budgets: [{ name: "shadow", shadow: true, ratio: NOTHING }] });
  expect((await sendTo("http1")).attempts).toBe(RETRIES + 1);
  const decisions = await decided();
  expect(decisions["shadow shadow-exceeded"]).toBeGreaterThanOrEqual(RETRIES);
  expect(
    Object.keys(decisions).filter((key) => key.startsWith("shadow ") && !key.includes("shadow-")),
  ).toEqual([]);
});

test("a request without a matching budget is retried as its route says, and not counted", async () => {
  const match = { path: { prefix: "/orders" } };
  await configure({ budgets: [{ name: "orders", match, ratio: NOTHING }] });
  expect((await sendTo("http1", { path: "/other" })).attempts).toBe(RETRIES + 1);
  expect(await decided()).toEqual({});
  expect((await sendTo("http1", { path: "/orders/1" })).attempts).toBe(1);
  expect(await decided()).toEqual({ "orders exceeded": 1 });
});

test("the first budget that matches decides", async () => {
  const match = { path: { prefix: "/orders" } };
  await configure({ budgets: [{ name: "some", match, ratio: NOTHING }, { name: "all" }] });
  expect((await sendTo("http1", { path: "/orders" })).attempts).toBe(1);
  expect((await sendTo("http1")).attempts).toBe(RETRIES + 1);
  expect(await decided()).toMatchObject({ "some exceeded": 1, "all retried": RETRIES });
});

test("the response reports the decision when it is configured, and an upstream cannot forge it", async () => {
  answer = { ...FAILURE, headers: [["x-why", "forged"]] };
  await configure({ explainHeader: "x-why", budgets: [{ name: "told", ratio: NOTHING }] });
  const { response } = await sendTo("http1", { headers: [["x-why", "forged"]] });
  expect(response.headers.filter(([name]) => name === "x-why")).toEqual([["x-why", "told;outcome=exceeded"]]);
  answer = { status: 200, headers: [["x-why", "forged"]] };
  expect((await sendTo("http1")).response.header("x-why")).not.toBe("forged");
});

test.each([
  [
    "retry-after",
    ["99999999999999999999", "-5", "Mon, 99 Foo 2026 99:99:99 GMT", "\xff\xfe", "9".repeat(50_000)],
  ],
  ["grpc-retry-pushback-ms", ["99999999999999999999", "1e9", "\xff\xfe", "-".repeat(50_000)]],
  ["grpc-status", ["-1", "999", "14abc", "\xff", "9".repeat(50_000)]],
  ["x-envoy-attempt-count", ["1", "-1", "abc"]],
  ["x-envoy-ratelimited", ["true", "false"]],
])("a hostile upstream decides by %s no more than whether it is retried", async (name, values) => {
  await configure({ budgets: [{ name: "hostile" }] });
  for (const value of values) {
    answer = { ...FAILURE, headers: [[name, value]] };
    for (const protocol of PROTOCOLS) {
      const { response, attempts } = await sendTo(protocol, { protocol });
      expect(response).toMatchObject({ status: 503, body: "own failure" });
      expect([1, RETRIES + 1]).toContain(attempts);
    }
  }
  await budget.expectAlive();
});

test("the metrics have the same names and labels in Prometheus in every release", async () => {
  await configure({ budgets: [{ name: "prometheus" }] });
  await sendTo("http1");
  const { body } = await send(`${budget.envoy.admin.url}/stats/prometheus?filter=retry_budget`);
  // In Envoy 1.36 and 1.37 a cluster's name stands before the metric's, and becomes a label.
  const metric =
    /^meshwright_retry_budget_decisions_total\{(?:upstream_cluster="(\w+)",envoy_cluster_name="\1",)?rule="prometheus",outcome="retried"\} 3$/m;
  expect(body).toMatch(metric);
});
