// The filters that answer, wait, count and change bodies do in a bundle what they do in a chain,
// whatever their neighbours do meanwhile.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amount } from "../../support/amount.js";
import { connectHttp2, upgrade } from "../../support/upgrades.js";
import { exchange } from "./chain-exchange.js";
import { describeNeighbours, startFiltersBench } from "./neighbours.js";
import type { Order, TwinBench } from "./twins.js";

let bench: TwinBench;

beforeAll(async () => {
  bench = await startFiltersBench();
}, 240_000);

afterAll(async () => bench?.[Symbol.asyncDispose]());

/** `npm test` has one in eight of the neighbours and shapes of each case. */
const STEP = amount(1, 8);

describeNeighbours(
  () => bench,
  (place) => place % STEP === 0,
);

describe.each(["forward", "backward"] as const)("a bundle of filters in stock Envoy, %s", (order: Order) => {
  test("the explanation says what happened", async () => {
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
      "x-limit: each;outcome=allowed, used;outcome=allowed, open;outcome=allowed",
      "x-envoy-attempt-count: 1",
    ]);
    expect(await explained({ "x-status": "503" })).toEqual([
      ":status: 503",
      "x-budget: some;outcome=retried",
      "x-limit: each;outcome=allowed, used;outcome=allowed, open;outcome=allowed",
      "x-envoy-attempt-count: 3",
    ]);
    expect(await explained({ "x-cost": "3" })).toContain(":status: 429");
  });

  test("a WebSocket is let through, also one that waits", async () => {
    const { bundle } = bench.twins[order];
    for (const [i, what] of ["none", "delay"].entries()) {
      const headers = { "x-mesh-destination": "web", "x-id": `web-${order}-${i}`, "x-case": what };
      const open = { status: 101, accepted: true, text: "HELLO AGAIN" };
      expect(await upgrade(`${bundle.url}/chat`, "websocket", headers)).toEqual(open);
      expect(await connectHttp2(`${bundle.url}/chat`, headers)).toEqual({ status: 200, text: "HELLO" });
    }
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
