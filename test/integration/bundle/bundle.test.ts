// A bundle does what the same filters do as a chain of modules. One stock Envoy runs the bundle,
// another one runs the chain, and both get the same requests.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { loadModule } from "../../../kit/host/load.js";
import { amount } from "../../support/amount.js";
import { connectHttp2, upgrade } from "../../support/upgrades.js";
import { exchange } from "./chain-exchange.js";
import { CONFIGURATIONS, describePairs, ORDER, startPairsBench } from "./pairs.js";
import type { Outcome, Plan, TwinBench } from "./twins.js";

let bench: TwinBench;

beforeAll(async () => {
  bench = await startPairsBench();
}, 120_000);

afterAll(async () => bench?.[Symbol.asyncDispose]());

/** `npm test` has one in twelve of the pairs of verbs. */
const STEP = amount(1, 12);

describePairs(
  () => bench,
  (place) => place % STEP === 0,
);

describe("a bundle", () => {
  test("keeps the state of streams separate when many are open at once", async () => {
    const verbs = ["qh=pause", "qb=replace", "sh=pause", "qb=holdend,sb=replace", "sb=mark", ""];
    const plans = Array.from({ length: 300 }, (_, i): Plan => {
      const pick = (n: number) => verbs[n % verbs.length] ?? "";
      return { plans: { a: pick(i), b: "", c: "" }, request: "body", response: "body" };
    });
    const expected = new Map<string, Outcome>();
    for (const plan of plans.slice(0, verbs.length)) {
      expected.set(plan.plans.a ?? "", await bench.run(bench.twins.forward.bundle, plan));
    }
    await Promise.all(
      plans.map(async (plan) => {
        const { client, upstream: received } = await bench.run(bench.twins.forward.bundle, plan);
        const single = expected.get(plan.plans.a ?? "");
        expect({ client, received }).toEqual({ client: single?.client, received: single?.upstream });
      }),
    );
  });

  test("answers 413 to a held body that is over the listener's limit, as Envoy does, and serves on", async () => {
    const headers = [["x-plan-b", "qb=buffer"]] as const;
    for (const { url } of [bench.twins.forward.chain, bench.twins.forward.bundle]) {
      const statusOf = async (size: number) =>
        (await send(url, { method: "POST", headers, body: "x".repeat(size) })).status;
      expect(await statusOf(3_000_000)).toBe(413);
      expect(await statusOf(1_000)).toBe(200);
    }
  });

  test("lets a client leave while a filter pauses", async () => {
    const plan: Plan = { plans: { a: "qh=pause" }, request: "body", response: "body" };
    const leave = async () => {
      const headers = { "x-id": "gone", "x-plan-a": "qh=pause" };
      await exchange(bench.twins.forward.bundle.url, { headers, request: "headers", leaveAfterMs: 5 });
    };
    await Promise.all(Array.from({ length: 50 }, leave));
    expect((await bench.run(bench.twins.forward.bundle, plan)).client.headers[0]).toBe(":status: 200");
    expect(bench.twins.forward.bundle.logs()).not.toMatch(/wasm.*(trap|Uncaught|abort)/i);
  });
});

test("a bundle gives a new visitor a cookie, and keeps its id", async () => {
  const { url } = bench.twins.forward.bundle;
  const visit = async (...more: [string, string][]) => {
    const response = await send(url, { headers: [["x-version", "2"], ["x-id", "visitor"], ...more] });
    return response.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  };
  const [set = "", ...others] = await visit();
  expect(others).toEqual([]);
  expect(set).toMatch(/^mesh-visitor=[0-9a-f]{32}; Path=\/; Max-Age=3600; SameSite=Lax; HttpOnly$/);
  expect(await visit(["cookie", set.slice(0, set.indexOf(";"))])).toEqual([set]);
});

test.each(["forward", "backward"] as const)(
  "a rule of a filter in a bundle answers and redirects as in a chain, %s",
  async (order) => {
    for (const version of ["away", "gone"]) {
      for (const a of ["", "qb=buffer", "sh=pause"]) {
        const plan = { plans: { a }, response: "body", headers: { "x-version": version } } as const;
        // Envoy hands the body of a local reply on before the filter that paused its headers wakes.
        const ignoresLogs = a === "sh=pause";
        await bench.expectSame(order, { ...plan, request: "headers", ignoresLogs });
        await bench.expectSame(order, { ...plan, request: "trailers", ignoresLogs });
      }
    }
  },
);

test("a bundle lets a WebSocket through, and another upgrade as a request like any other", async () => {
  const { url } = bench.twins.forward.bundle;
  const headers = { "x-version": "web", "x-id": "web" };
  const open = { status: 101, accepted: true, text: "HELLO AGAIN" };
  expect(await upgrade(`${url}/chat`, "websocket", headers)).toEqual(open);
  expect(await connectHttp2(`${url}/chat`, headers)).toEqual({ status: 200, text: "HELLO" });
  expect(await upgrade(`${url}/page`, "foo", headers)).toMatchObject({ status: 200, accepted: false });
});

describe("a bundle's configuration", () => {
  const whole = JSON.stringify(Object.fromEntries(ORDER.map((name) => [name, CONFIGURATIONS[name] ?? {}])));
  const refused = "bundle forward: configuration refused:";

  test.each([
    ["whole", whole, []],
    ["with space and escapes", `\n{ ${whole.slice(1, -1).replace("chain-a", "chain\\u002da")} }\t`, []],
    ["empty", "", [`${refused} chain-a: is required`]],
    ["an empty object", "{}", [`${refused} chain-a: is required`]],
    ["no object", "[]", [`${refused} configuration: must be an object`]],
    ["no JSON", "{", [expect.stringContaining(`${refused} line 1, column 2: `)]],
    [
      "without one of the filters",
      whole.replace('"chain-c":"c"', '"chain-b":"b"').replace('"chain-b":"b",', ""),
      [`${refused} chain-c: is required`],
    ],
    [
      "with an unknown key",
      whole.replace("{", '{"x\\ny":1,'),
      [expect.stringContaining(`${refused} ["x\\u000ay"]: unknown key; expected one of chain-a, `)],
    ],
    [
      "with a key twice",
      whole.replace("{", '{"chain-a":1,'),
      [expect.stringContaining("the object has this key already")],
    ],
    [
      "with a fault in a filter's part",
      whole.replace('"v2"', '""'),
      ["header-routing: configuration refused: rules[0].name: must not be empty"],
    ],
    [
      "with null for a filter",
      whole.replace(/"trace-headers":\{.*?\}/, '"trace-headers":null'),
      ["trace-headers: configuration refused: configuration: must be an object"],
    ],
    [
      "larger than a configuration may be",
      `${whole.slice(0, -1)}${" ".repeat(1_100_000)}}`,
      [expect.stringContaining("the document is larger than 1048576 bytes")],
    ],
    ["nested without end", "[".repeat(100_000), [expect.stringContaining("nested deeper than 64 levels")]],
    ["any bytes", Buffer.from([0, 255, 254]), [expect.stringContaining(refused)]],
  ])("that is %s", (_, document, logs) => {
    const outcome = loadModule(bench.bundles.forward).configure(document);
    expect(outcome.logs).toEqual(logs);
    expect(outcome.accepted).toBe(logs.length === 0);
  });

  test("of nearly the maximum size reaches its filter", () => {
    const rules = Array.from({ length: 900 }, (_, i) => ({
      name: `rule-${i}`,
      match: { headers: [{ name: "x-version", exact: "v".repeat(1000) }] },
      destination: "upstream",
    }));
    const document = JSON.stringify({ ...JSON.parse(whole), "header-routing": { rules } });
    const outcome = loadModule(bench.bundles.forward).configure(document);
    expect(outcome).toEqual({ accepted: true, logs: [] });
  });

  test("that a running Envoy receives and refuses leaves the old one in force", async () => {
    const { bundle } = bench.twins.backward;
    const configured = await bundle.configure("bundle", { "trace-headers": {} });
    expect(configured).toMatchObject({ accepted: false });
    expect(bundle.logs()).toContain("bundle backward: configuration refused: chain-c: is required");
    await bench.expectSame("backward", { plans: {}, request: "body", response: "body" });
  });

  test("thousands of changes of configuration, and thousands of streams, leave nothing in memory", () => {
    const module = loadModule(bench.bundles.forward);
    const change = (times: number) => {
      for (let i = 0; i < times; i++) module.configure(whole);
    };
    const serve = (times: number) => {
      for (let i = 0; i < times; i++) module.exchange([[":path", "/"]]);
    };
    change(200);
    serve(1_000);
    const pages = module.pages;
    change(amount(10_000, 4_000));
    serve(amount(10_000, 4_000));
    // The heap doubles when it is full for the first time, and then keeps its size. If each
    // configuration left forty bytes, it would double again.
    expect(module.pages).toBeLessThanOrEqual(2 * pages);
  }, 60_000);
});
