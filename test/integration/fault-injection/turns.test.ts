// Turns in stock Envoy with four workers: each number is given once, whichever worker asks.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

const ROUNDS = 12;
/** Requests at once, each on a connection of its own. */
const AT_ONCE = 50;

let fault: FaultEnvoy;
let attempts: FaultEnvoy;

beforeAll(async () => {
  const retryPolicy = { retryOn: ["5xx"], numRetries: 3 };
  [fault, attempts] = await Promise.all([
    startFaultEnvoy({ workers: 4 }),
    startFaultEnvoy({ where: "upstream", workers: 4, routeOptions: { retryPolicy } }),
  ]);
});

afterAll(async () => {
  await fault?.[Symbol.asyncDispose]();
  await attempts?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(fault.envoy));

const rule = (name: string, turns: FaultRule["turns"]): FaultRule => ({
  name,
  abort: { status: 503 },
  ...(turns && { turns }),
});

async function statuses(count: number, headers: HeaderList = []): Promise<readonly number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => send(fault.envoy.url, { headers })));
  return answers.map(({ status }) => status);
}

test("of requests at once on four workers exactly two in three fail", async () => {
  await fault.rules(rule("two-in-three", { sequence: ["fail", "fail", "pass"] }));
  let failed = 0;
  for (let i = 0; i < ROUNDS; i++) {
    failed += (await statuses(AT_ONCE)).filter((status) => status === 503).length;
  }
  expect(failed).toBe((ROUNDS * AT_ONCE * 2) / 3);
});

test("one request after another gets its own turn, and each user begins anew", async () => {
  await fault.rules(
    rule("first-two", { sequence: ["fail", "fail"], after: "pass", key: { header: "x-user" } }),
  );
  for (const user of ["ann", "bob"]) {
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) seen.push(...(await statuses(1, [["x-user", user]])));
    expect(seen).toEqual([503, 503, 200, 200]);
  }
});

test("a changed sequence begins anew, and the same one goes on", async () => {
  const third = rule("third", { nth: 3 });
  await fault.rules(third);
  expect(await statuses(1)).toEqual([200]);
  await fault.rules({ ...third, abort: { status: 418 } });
  expect([...(await statuses(1)), ...(await statuses(1))]).toEqual([200, 418]);
  await fault.rules(rule("third", { nth: 1 }));
  expect(await statuses(1)).toEqual([503]);
});

test("by its number the first two attempts of every request fail", async () => {
  await attempts.rules(rule("attempts", { sequence: ["fail", "fail", "pass"], attempts: true }));
  for (let i = 0; i < 3; i++) {
    const before = attempts.upstream.requests.length;
    expect(await send(attempts.envoy.url)).toMatchObject({ status: 200 });
    expect(attempts.upstream.requests.length - before).toBe(3);
  }
  await attempts.expectAlive();
});

test("no trap has ended a VM", () => fault.expectAlive());
