// retry-budget in stock Envoy with gRPC, deadlines, attempts that time out, and clients that leave:
// what is lent is returned, however an attempt ends.

import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream, type UpstreamGrpcCall } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { type BudgetEnvoy, RETRIES, startBudgetEnvoy, withoutMark } from "./budget-envoy.js";

const NOTHING = { percentage: 0, minRetriesPerSecond: 0 };
const PATH = "/shop.Orders/Get";

let upstream: Upstream;
let grpc: Upstream;
let budget: BudgetEnvoy;
let before: Record<string, number>;
let answer: (attempt: number, request: UpstreamRequest) => UpstreamResponse;
let method: (call: UpstreamGrpcCall, attempt: number) => void;

beforeAll(async () => {
  upstream = await startUpstream({ respond: (request) => answer(attemptOf(request.headers), request) });
  grpc = await startGrpcUpstream({ [PATH]: (call) => method(call, attemptOf(call.metadata)) });
  budget = await startBudgetEnvoy({
    upstreams: { upstream, grpc },
    configuration: {},
    retryPolicy: {
      retryOn: ["5xx", "reset", "unavailable", "retriable-status-codes"],
      retriableStatusCodes: [404],
      perTryTimeoutSeconds: 0.3,
    },
    filters: [withoutMark()],
  });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  for (const server of [upstream, grpc]) await server?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(budget.envoy));

function attemptOf(headers: UpstreamRequest["headers"]): number {
  return Number(headers.find(([name]) => name === "x-envoy-attempt-count")?.[1]);
}

async function configure(config: RetryBudgetConfig): Promise<void> {
  await budget.configure(config);
  before = await budget.decisions();
}

const decided = () => budget.decisionsSince(before);

/** The result of `work`, and how many attempts the servers saw meanwhile. */
async function attemptsOf<T>(work: () => Promise<T>): Promise<{ result: T; attempts: number }> {
  const seen = () => upstream.requests.length + grpc.requests.length;
  const start = seen();
  const result = await work();
  return { result, attempts: seen() - start };
}

const sent = (options: SendOptions = {}) => attemptsOf(() => send(budget.envoy.url, options));

/** Sends a request, and adds its details in the access log. */
async function logged(options: SendOptions) {
  const entries = (await budget.envoy.accessLog()).length;
  const exchange = await sent(options);
  return { ...exchange, details: (await budget.envoy.accessLog(entries + 1)).at(-1)?.details };
}

describe("a gRPC client", () => {
  const call = () =>
    attemptsOf(async () => {
      const client = new Client(`127.0.0.1:${budget.envoy.port}`, credentials.createInsecure());
      const metadata = new Metadata();
      metadata.set("x-mesh-destination", "grpc");
      const bytes = (value: Buffer) => value;
      try {
        return await new Promise<{ code: number; details: string }>((resolve) => {
          client.makeUnaryRequest(PATH, bytes, bytes, Buffer.from("tea"), metadata, (error) => {
            const { code, details } = (error ?? { code: 0, details: "" }) as ServiceError;
            resolve({ code, details });
          });
        });
      } finally {
        client.close();
      }
    });

  test("is retried, although gRPC uses POST", async () => {
    await configure({ budgets: [{ name: "grpc" }] });
    method = (call, attempt) => {
      if (attempt < 3) return call.end(14, "not yet");
      call.send("served");
      call.end(0);
    };
    expect(await call()).toEqual({ result: { code: 0, details: "" }, attempts: 3 });
    expect(await decided()).toEqual({ "grpc retried": 2 });
  });

  test("sees the server's own status when the budget is spent", async () => {
    await configure({ budgets: [{ name: "grpc-spent", ratio: NOTHING }] });
    method = (call) => call.end(14, "closed for today");
    expect(await call()).toEqual({ result: { code: 14, details: "closed for today" }, attempts: 1 });
    expect(await decided()).toEqual({ "grpc-spent exceeded": 1 });
  });

  test("sees UNAVAILABLE when the budget is spent and there was no answer", async () => {
    await configure({ budgets: [{ name: "grpc-reset", ratio: NOTHING }] });
    method = (call) => call.reset();
    expect(await call()).toMatchObject({ result: { code: 14 }, attempts: 1 });
    expect(await decided()).toEqual({ "grpc-reset exceeded": 1 });
  });

  test.each(["1500", "-1", "later"])("is not retried when the server pushes back by %s", async (value) => {
    await configure({ budgets: [{ name: "grpc-pushback" }] });
    method = (call) => call.end(14, "busy", { "grpc-retry-pushback-ms": value });
    expect(await call()).toEqual({ result: { code: 14, details: "busy" }, attempts: 1 });
    expect(await decided()).toEqual({ "grpc-pushback pushback": 1 });
  });

  test("that gets a status which is not a failure of the server is not counted", async () => {
    await configure({ budgets: [{ name: "grpc-no", ratio: NOTHING }] });
    method = (call) => call.end(5, "no such order");
    expect(await call()).toEqual({ result: { code: 5, details: "no such order" }, attempts: 1 });
    expect((await decided())["grpc-no retried"]).toBeUndefined();
  });
});

describe("a deadline", () => {
  const timed = (timeout: string): SendOptions => ({
    protocol: "http2",
    method: "POST",
    path: PATH,
    body: "tea",
    headers: [
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ["grpc-timeout", timeout],
    ],
  });
  const late: UpstreamResponse = { status: 503, body: "late", delayMs: 80 };

  test("that is over ends the retries with the last answer", async () => {
    await configure({ budgets: [{ name: "deadline" }] });
    answer = () => late;
    const { result, attempts } = await sent(timed("50m"));
    expect([result.status, attempts]).toEqual([503, 1]);
    expect(await decided()).toEqual({ "deadline deadline": 1 });
  });

  test("that is over without an answer is reported in the details", async () => {
    await configure({ budgets: [{ name: "deadline-lost" }] });
    answer = () => ({ fault: "reset", delayMs: 80 });
    const { attempts, details } = await logged(timed("50000u"));
    expect([attempts, details]).toEqual([1, "retry_deadline_exceeded{deadline-lost}"]);
    expect(await decided()).toEqual({ "deadline-lost deadline": 1 });
  });

  test.each(["10S", "1H", "9000m", "", "soon", "50"])(
    "of %s does not affect the retries",
    async (timeout) => {
      await configure({ budgets: [{ name: "deadline-far" }] });
      answer = () => ({ ...late, delayMs: 0 });
      expect((await sent(timed(timeout))).attempts).toBe(RETRIES + 1);
    },
  );

  test("is ignored when the configuration says so", async () => {
    await configure({ budgets: [{ name: "deadline-off", respectDeadline: false }] });
    answer = () => late;
    expect((await sent(timed("50m"))).attempts).toBe(RETRIES + 1);
  });

  test("is not the per-try timeout: after that there is a retry", async () => {
    await configure({ budgets: [{ name: "per-try" }] });
    answer = (attempt) => (attempt === 1 ? { fault: "never" } : { status: 200, body: "good" });
    expect(await sent()).toMatchObject({ result: { status: 200, body: "good" }, attempts: 2 });
    expect(await decided()).toEqual({ "per-try retried": 1 });
  });

  test("of the route does not take a slow request's retries", async () => {
    await configure({ budgets: [{ name: "slow" }] });
    answer = () => ({ status: 503, delayMs: 200 });
    expect((await sent()).attempts).toBe(RETRIES + 1);
    expect(await decided()).toMatchObject({ "slow retried": RETRIES });
  });
});

describe("a retry in progress is returned", () => {
  const concurrency = { percentage: 0, minRetryConcurrency: 1 };

  /**
   * One retry at a time is allowed. It is available again at the latest when a promise to a request
   * without retries left has expired.
   */
  async function expectWhole(): Promise<void> {
    answer = (attempt) => (attempt === 1 ? { status: 503 } : { status: 200, body: "good" });
    const twice = { result: { status: 200 }, attempts: 2 };
    await expect.poll(() => sent()).toMatchObject(twice);
    expect(await sent()).toMatchObject(twice);
  }

  test.each([
    ["by an answer", { status: 503 }],
    ["by a reset", { fault: "reset" }],
    ["by a reset in the body", { status: 200, body: ["a", "b"], fault: "reset-in-body" }],
    ["by a per-try timeout", { fault: "never" }],
  ] satisfies [string, UpstreamResponse][])("%s", async (how, response) => {
    const name = how.replaceAll(" ", "-");
    await configure({ budgets: [{ name, concurrency }] });
    answer = (attempt) => (attempt === 1 ? { status: 503 } : response);
    for (let i = 0; i < 4; i++) await sent();
    expect((await decided())[`${name} retried`]).toBeGreaterThan(0);
    await expectWhole();
  });

  test("by a client that leaves", async () => {
    await configure({ budgets: [{ name: "gone", concurrency }] });
    answer = (attempt) => (attempt === 1 ? { status: 503 } : { fault: "never" });
    await expect(send(budget.envoy.url, { timeoutMs: 150 })).rejects.toThrow("no whole answer");
    await expect
      .poll(() => budget.envoy.accessLog())
      .toContainEqual(expect.objectContaining({ flags: "DC" }));
    await expectWhole();
  });

  test("by a request that began before the configuration changed", async () => {
    const budgets = [{ name: "changed", concurrency }];
    await configure({ budgets });
    answer = (attempt) => (attempt === 1 ? { status: 503 } : { status: 200, delayMs: 280 });
    const start = upstream.requests.length;
    const slow = send(budget.envoy.url);
    await expect.poll(() => upstream.requests.length).toBe(start + 2);
    await configure({ budgets, explainHeader: "x-why" });
    // Its budget is the same, and is spent.
    expect((await send(budget.envoy.url)).status).toBe(503);
    expect((await slow).status).toBe(200);
    await expectWhole();
  });

  test("and is not available for others meanwhile", async () => {
    await configure({ budgets: [{ name: "busy", concurrency }] });
    answer = (attempt, { path }) =>
      attempt === 1 ? { status: 503 } : { status: 200, delayMs: path === "/slow" ? 250 : 0 };
    const start = upstream.requests.length;
    const slow = send(budget.envoy.url, { path: "/slow" });
    await expect.poll(() => upstream.requests.length).toBe(start + 2);
    expect((await send(budget.envoy.url)).status).toBe(503);
    expect((await slow).status).toBe(200);
    await expectWhole();
  });
});

test("a status that only this route retries counts too, and the filter answers the next attempt", async () => {
  await configure({ budgets: [{ name: "own-status", ratio: NOTHING }] });
  answer = () => ({ status: 404 });
  const { result, attempts, details } = await logged({});
  expect([result.status, attempts]).toEqual([503, 1]);
  expect(details).toBe("retry_budget_exceeded{own-status}");
  expect(await decided()).toEqual({ "own-status exceeded": 1 });
});

test("a status that the configuration names counts for the budget, and the client gets its own response", async () => {
  const answered = { retriableStatusCodes: [404], budgets: [{ name: "named-status", ratio: NOTHING }] };
  await configure(answered);
  answer = () => ({ status: 404, body: "no such order" });
  const { result, attempts, details } = await logged({});
  expect([result.status, result.body, attempts]).toEqual([404, "no such order", 1]);
  expect(details).toBe("via_upstream");
  expect(await decided()).toEqual({ "named-status exceeded": 1 });
});

test("none of these tests ended a VM", () => budget.expectAlive());
