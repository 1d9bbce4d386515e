// retry-budget in stock Envoy: a retry that was promised or granted, and is not used, is at once
// available for others.

import { afterEach, expect, test } from "vitest";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { amount } from "../../support/amount.js";
import { type BudgetEnvoy, type BudgetEnvoyOptions, RETRIES, startBudgetEnvoy } from "./budget-envoy.js";

/** One retry in all, for longer than a test takes. */
const ONE = { percentage: 0, ttl: "1m", minRetriesPerSecond: 1 };
const SIXTY = 60;
const GRPC: SendOptions = {
  protocol: "http2",
  method: "POST",
  headers: [["content-type", "application/grpc"]],
};

let upstream: Upstream;
let budget: BudgetEnvoy | undefined;

afterEach(async () => {
  await budget?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  budget = undefined;
});

async function start(
  respond: (attempt: number) => UpstreamResponse,
  configuration: RetryBudgetConfig,
  options: Partial<BudgetEnvoyOptions> & { readonly protocol?: "http1" | "http2" } = {},
): Promise<BudgetEnvoy> {
  const { protocol = "http1", ...more } = options;
  upstream = await startUpstream({
    protocol,
    respond: ({ header }) => respond(Number(header("x-envoy-attempt-count"))),
  });
  budget = await startBudgetEnvoy({ upstreams: { upstream }, configuration, ...more });
  showLogsOnFailure(budget.envoy);
  return budget;
}

/**
 * What the gauge says. A promise is given back after its client has the response, and of two
 * workers the one that wrote first may report last, until the gauge is refreshed. So tests poll it.
 */
const remaining = async (name: string) => (await budget?.gauges())?.[`retries_remaining;rule=${name}`];

const FAILURES: [string, UpstreamResponse, SendOptions][] = [
  ["with a body", { status: 503, body: "own failure" }, {}],
  ["without a body", { status: 503, headers: [["content-length", "0"]] }, {}],
  ["of gRPC in the headers", { status: 200, headers: [["grpc-status", "14"]] }, GRPC],
];
const PROTOCOLS = ["http1", "http2"] as const;
/** In `npm test` every other one: each failure, and each protocol. */
const cases = PROTOCOLS.flatMap((protocol) =>
  FAILURES.map((failure) => [protocol, ...failure] as const),
).filter((_, i) => i % amount(1, 2) === 0);

test.each(cases)(
  "over %s a failure %s that its route does not retry takes no retry from others",
  async (protocol, _, failure, request) => {
    const configuration = { budgets: [{ name: "kept", ratio: ONE }] };
    const { envoy, decisions } = await start(() => failure, configuration, {
      protocol,
      retryPolicy: { retryOn: ["reset"] },
    });
    // More requests than there are retries, and none of them is refused one.
    for (let i = 0; i < SIXTY + 10; i++) await send(envoy.url, request);
    await expect.poll(() => remaining("kept")).toBe(SIXTY);
    expect(await decisions()).toEqual({});
  },
);

test.each(cases)(
  "over %s a failure %s of a last attempt takes no retry from others",
  async (protocol, _, failure, request) => {
    const configuration = { budgets: [{ name: "last", ratio: ONE }] };
    const { envoy, decisions } = await start(() => failure, configuration, {
      protocol,
      retryPolicy: { retryOn: ["5xx", "unavailable"] },
    });
    for (let i = 0; i < SIXTY / RETRIES; i++) await send(envoy.url, request);
    expect(await decisions()).toEqual({ "last retried": SIXTY, "last exceeded": 1 });
    await expect.poll(() => remaining("last")).toBe(0);
  },
);

test("a promise that the router uses after a pause is not taken by others meanwhile", async () => {
  const configuration = {
    budgets: [{ name: "held", concurrency: { percentage: 0, minRetryConcurrency: 1 } }],
  };
  const { envoy, decisions } = await start(
    (attempt) => (attempt === 1 ? { status: 503 } : { status: 200, body: "good" }),
    configuration,
  );
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(envoy.url)));
  const good = answers.filter(({ status }) => status === 200).length;
  expect(good).toBeGreaterThan(0);
  // A request with a promise gets its retry, and a request without gets the upstream's own answer.
  expect(await decisions()).toEqual({ "held retried": good, "held exceeded": 20 - good });
  expect(upstream.requests).toHaveLength(20 + good);
});

test("clients of a listener that leave before their answer take no retries with them", async () => {
  const ratio = { ...ONE };
  const { envoy, decisions } = await start(
    (attempt) => (attempt === 1 ? { status: 503 } : { fault: "never" }),
    { where: "downstream", budgets: [{ name: "gone", ratio, maxRetries: 3 }] },
  );
  const count = 10;
  const gone = Array.from({ length: count }, () => send(envoy.url, { timeoutMs: 1000 }).catch(() => "gone"));
  expect(await Promise.all(gone)).toEqual(Array(count).fill("gone"));
  // Each has made one of the three that it was granted.
  await expect.poll(() => remaining("gone")).toBe(SIXTY - count);
  expect(await decisions()).toEqual({ "gone retried": count });
});
