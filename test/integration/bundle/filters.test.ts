// The filters that answer, wait, count and spoil bodies do in a bundle what they do in a chain,
// whatever their neighbours do meanwhile.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { exchange, type Shape } from "./chain-exchange.js";
import { inParallel, type Order, type Plan, TwinBench } from "./twins.js";

const ORDER = ["chain-a", "rate-limit", "fault-injection", "chain-b", "retry-budget", "chain-c"];
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
  // Each request has a limit of its own, which `x-cost` may be above.
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
    ],
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

let bench: TwinBench;

beforeAll(async () => {
  bench = await TwinBench.start({ order: ORDER, configurations: CONFIGURATIONS, routing: ROUTING });
}, 240_000);

afterAll(async () => bench?.[Symbol.asyncDispose]());

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
 * Where routes have retries, Envoy now and then sends a body twice that a filter of its chain held
 * until the trailers.
 */
const isSentTwice = (neighbours: Readonly<Record<string, string>>, shape: Shape) =>
  shape === "trailers" && /qb=/.test(verbsOf(neighbours));
/**
 * Envoy does not show trailers that one filter holds to the next, where one behind that holds the
 * headers.
 */
const isPassedOver = (neighbours: Readonly<Record<string, string>>, name: string) =>
  /slow/.test(name) && /sh=pause/.test(verbsOf(neighbours));

describe.each(["forward", "backward"] as const)("a bundle of filters in stock Envoy, %s", (order: Order) => {
  const sameFor = async (headers: Readonly<Record<string, string>>) => {
    const plans = NEIGHBOURS.filter(
      (neighbours) => !isPassedOver(neighbours, headers["x-case"] ?? ""),
    ).flatMap((neighbours) =>
      SHAPES.map((shape): Plan => {
        const request = isSentTwice(neighbours, shape) ? "body" : shape;
        return { plans: neighbours, request, response: shape, headers, ignoresLogs: true };
      }),
    );
    await inParallel(plans, (plan) => bench.expectSame(order, plan));
  };

  test.each(["none", ...Object.keys(FAULTS)])("fault-injection: %s", async (name) => {
    await sameFor({ "x-case": name });
  });

  test("rate-limit refuses", async () => {
    await sameFor({ "x-cost": "3" });
  });

  test("retry-budget gives retries, or none", async () => {
    await sameFor({ "x-status": "503" });
    await sameFor({ "x-status": "503", "x-case": "no-retry" });
  });

  test("a fault and its retries", async () => {
    await sameFor({ "x-status": "503", "x-case": "delayed-and-slow" });
  });

  test("what is explained is what happened", async () => {
    const { bundle } = bench.twins[order];
    const explained = async (headers: Readonly<Record<string, string>>) => {
      const plan = { plans: {}, request: "body", response: "body", headers } as const;
      const { client, upstream } = await bench.run(bundle, plan);
      const attempts = upstream?.headers.find((line) => line.startsWith("x-envoy-attempt-count"));
      return [
        ...client.headers.filter((line) => /^(:status|x-fault|x-limit|x-budget):/.test(line)).sort(),
        attempts,
      ];
    };
    expect(await explained({ "x-case": "delay" })).toEqual([
      ":status: 200",
      "x-fault: delay;outcome=delayed",
      "x-limit: each;outcome=allowed",
      "x-envoy-attempt-count: 1",
    ]);
    expect(await explained({ "x-status": "503" })).toEqual([
      ":status: 503",
      "x-budget: some;outcome=retried",
      "x-limit: each;outcome=allowed",
      "x-envoy-attempt-count: 3",
    ]);
    expect(await explained({ "x-cost": "3" })).toContain(":status: 429");
  });

  test("clients that leave while they wait leave nothing behind", async () => {
    const { bundle } = bench.twins[order];
    const leave = async (i: number) => {
      const headers = { "x-id": `gone-${i}`, "x-case": i % 2 === 0 ? "delay" : "black-hole" };
      await exchange(bundle.url, { headers, request: "headers", leaveAfterMs: 5 });
    };
    await Promise.all(Array.from({ length: 50 }, (_, i) => leave(i)));
    await expect.poll(async () => (await bundle.admin.stats()).get(ACTIVE)).toBe(0);
    await bench.expectSame(order, {
      plans: {},
      request: "body",
      response: "body",
      headers: { "x-case": "delay" },
      ignoresLogs: true,
    });
  });
});

const ACTIVE = "wasmcustom.meshwright.fault_injection.all_active_faults";
