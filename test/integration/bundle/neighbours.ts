// The filters that answer, wait, count and change bodies, between neighbours that wait, hold and
// change. They must do in a bundle what they do in a chain.

import { describe, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { Shape } from "./chain-exchange.js";
import { inParallel, type Order, type Plan, TwinBench } from "./twins.js";

const ORDER = [
  "chain-a",
  "fallback",
  "deadline",
  "rate-limit",
  "circuit-breaker",
  "fault-injection",
  "chain-b",
  "retry-budget",
  "chain-c",
];
const fault = (name: string, faults: object) => ({
  name,
  match: { headers: [{ name: "x-case", exact: name }] },
  ...faults,
});
const ABORT = { abort: { status: 418, body: "tea\n", headers: [{ name: "x-why", value: "test" }] } };
const FAULTS: Readonly<Record<string, object>> = {
  delay: { delay: { fixed: "20ms" } },
  abort: ABORT,
  "delayed-abort": { delay: { fixed: "20ms" }, ...ABORT },
  "black-hole": { blackHole: { limit: "30ms" } },
  status: { response: { status: 500 } },
  bodiless: { response: { status: 204 } },
  truncated: { response: { truncateAfter: 17_000 } },
  emptied: { response: { truncateAfter: 0 } },
  slow: { response: { bytesPerSecond: 400_000 } },
  "delayed-and-slow": {
    delay: { fixed: "20ms" },
    response: { bytesPerSecond: 400_000, truncateAfter: 20_000 },
  },
};
const CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "chain-a": "a",
  "chain-b": "b",
  "chain-c": "c",
  "fault-injection": {
    explainHeader: "x-fault",
    rules: Object.entries(FAULTS).map(([name, faults]) => fault(name, faults)),
  } as unknown as Json,
  // Each request has its own limit, which `x-cost` may exceed.
  "rate-limit": {
    explainHeader: "x-limit",
    headers: "ietf",
    rules: [
      {
        name: "each",
        key: [{ header: "x-id" }],
        cost: { header: "x-cost" },
        local: { limit: 100, unit: "day", burst: 2 },
      },
      // These see every callback to the stream's end, and refuse nobody.
      { name: "used", cost: { responseJson: ["usage"], default: 0 }, local: { limit: 1, unit: "second" } },
      { name: "open", key: [{ header: "x-id" }], concurrency: { limit: 100 } },
    ],
  },
  // Each request has its own circuit, whose answers say nothing of the time.
  "circuit-breaker": {
    explainHeader: "x-circuit",
    rules: [
      {
        name: "open",
        match: { headers: [{ name: "x-case", exact: "circuit-open" }] },
        force: "open",
        answer: { status: 200, body: "[]", contentType: "application/json" },
      },
      { name: "each", key: [{ header: "x-id" }], failures: { network: ["incomplete"] } },
    ],
  },
  // Each request has its own key, so that none finds the answer of another.
  fallback: {
    explainHeader: "x-fallback",
    rules: [{ name: "each", key: [{ header: "x-id" }] }],
  },
  deadline: {
    explainHeader: "x-deadline",
    header: { trusted: true },
    rules: [{ name: "all", margin: "1s" }],
  },
  "retry-budget": {
    where: "downstream",
    explainHeader: "x-budget",
    budgets: [
      {
        name: "none",
        match: { headers: [{ name: "x-case", exact: "no-retry" }] },
        ratio: { percentage: 0, minRetriesPerSecond: 0 },
      },
      {
        name: "some",
        methods: ["POST"],
        maxRetries: 2,
        ratio: { percentage: 100, minRetriesPerSecond: 1000 },
      },
    ],
  },
};
/** Envoy's default is three retries at once. */
const ROUTING = {
  routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3 } },
  clusterOptions: { circuitBreakers: { maxRetries: 1000 } },
} as const;

export const startFiltersBench = (): Promise<TwinBench> =>
  TwinBench.start({ order: ORDER, configurations: CONFIGURATIONS, routing: ROUTING });

/** What the probes between the filters do. */
const NEIGHBOURS: readonly Readonly<Record<string, string>>[] = [
  {},
  { a: "qh=pause" },
  { b: "qh=pauseall" },
  { c: "qh=pause" },
  { a: "qb=replace", c: "sb=replace" },
  { b: "qb=buffer" },
  { b: "sb=buffer" },
  { b: "sb=mark", a: "sb=mark" },
  { a: "sh=pause" },
  { c: "sh=pause" },
  { b: "qb=holdend" },
  { c: "sb=holdend" },
];
const SHAPES: readonly Shape[] = ["headers", "body", "trailers"];
const verbsOf = (neighbours: Readonly<Record<string, string>>) => Object.values(neighbours).join();
/**
 * When a route retries, Envoy sometimes sends a body twice that a filter of its chain held until
 * the trailers.
 */
const isSentTwice = (neighbours: Readonly<Record<string, string>>, shape: Shape) =>
  shape === "trailers" && /qb=/.test(verbsOf(neighbours));
/**
 * Envoy does not show trailers that one filter holds to the next filter if a filter behind that one
 * holds the headers.
 */
const isPassedOver = (neighbours: Readonly<Record<string, string>>, name: string) =>
  /slow/.test(name) && /sh=pause/.test(verbsOf(neighbours));

/**
 * Declares the tests of every filter between the chosen neighbours. `isChosen` gets the place of
 * neighbours and shape among all of one case.
 */
export function describeNeighbours(bench: () => TwinBench, isChosen: (place: number) => boolean): void {
  describe.each(["forward", "backward"] as const)(
    "a bundle of filters in stock Envoy, %s",
    (order: Order) => {
      // Each case starts at another place, so that every neighbour is used.
      let cases = 0;
      const sameFor = async (headers: Readonly<Record<string, string>>) => {
        const plans = NEIGHBOURS.filter(
          (neighbours) => !isPassedOver(neighbours, headers["x-case"] ?? ""),
        ).flatMap((neighbours) =>
          SHAPES.map((shape): Plan => {
            const request = isSentTwice(neighbours, shape) ? "body" : shape;
            return { plans: neighbours, request, response: shape, headers, ignoresLogs: true };
          }),
        );
        const chosen = plans.filter((_, i) => isChosen(i + cases));
        cases++;
        await inParallel(chosen, (plan) => bench().expectSame(order, plan));
      };

      test.each(["none", ...Object.keys(FAULTS)])("fault-injection: %s", async (name) => {
        await sameFor({ "x-case": name });
      });

      test("rate-limit refuses", async () => {
        await sameFor({ "x-cost": "3" });
      });

      test("circuit-breaker lets through, counts and refuses", async () => {
        await sameFor({ "x-status": "500" });
        await sameFor({ "x-case": "circuit-open" });
      });

      test("fallback finds nothing kept", async () => {
        await sameFor({ "x-status": "500" });
      });

      test("deadline tells, and refuses", async () => {
        await sameFor({ "x-request-timeout-ms": "90000" });
        await sameFor({ "x-request-timeout-ms": "1000" });
      });

      test("retry-budget allows retries, or none", async () => {
        await sameFor({ "x-status": "503" });
        await sameFor({ "x-status": "503", "x-case": "no-retry" });
      });

      test("a fault and its retries", async () => {
        await sameFor({ "x-status": "503", "x-case": "delayed-and-slow" });
      });
    },
  );
}
