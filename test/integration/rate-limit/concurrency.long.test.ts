// Limits of requests in flight, in stock Envoy with four workers.

import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const LIMIT = 10;
const USER = "ann";

let limited: LimitEnvoy;
/** What the upstream has to do now, and the most that it had to do at once. */
let active = 0;
let most = 0;
let delayMs = 0;

beforeAll(async () => {
  const upstream = await startUpstream({
    respond: async () => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      active--;
      return { body: "ok" };
    },
  });
  limited = await startLimitEnvoy({ workers: 4, upstream });
});

beforeEach(() => {
  showLogsOnFailure(limited.envoy);
  [most, delayMs] = [0, 0];
});

afterAll(() => limited?.[Symbol.asyncDispose]());

const perUser = (name: string, lease?: string): LimitRule => ({
  name,
  key: [{ header: "x-user" }],
  concurrency: { limit: LIMIT, ...(lease === undefined ? {} : { lease }) },
});

/** A request whose answer is not awaited. */
function begin(): http.ClientRequest {
  const request = http.get(limited.envoy.url, { headers: { "x-user": USER }, agent: false });
  request.on("error", () => {});
  return request;
}

/** The statuses of so many requests at once. */
async function statuses(count: number): Promise<number[]> {
  const headers = [["x-user", USER]] as const;
  const answers = Array.from({ length: count }, () => limited.request({ headers }));
  return (await Promise.all(answers)).map(({ status }) => status).sort();
}

/** Holds that nothing is in flight: exactly so many pass at once as may. */
async function expectWhole(): Promise<void> {
  delayMs = 500;
  await expect
    .poll(() => statuses(2 * LIMIT), { timeout: 20_000 })
    .toEqual([...Array(LIMIT).fill(200), ...Array(LIMIT).fill(429)]);
}

test.each(["http1", "http2"] as const)(
  "four workers under load, %s: never more at once, as many as may be, and all is given back",
  async (protocol) => {
    await limited.rules(perUser(`load-${protocol}`));
    delayMs = 5;
    const load = await runLoad({
      port: limited.envoy.port,
      protocol,
      connections: 64,
      headers: [["x-user", USER]],
      requests: amount(4000, 1500),
      forMs: 30_000,
    });
    const { 200: passed = 0, 429: refused = 0, ...others } = load.statuses;
    expect(others).toEqual({});
    expect(passed).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    expect(most).toBe(LIMIT);
    expect(await limited.outcomes(`load-${protocol}`)).toEqual({ allowed: passed, limited: refused });
    await expectWhole();
  },
  60_000,
);

test("clients that go away give back what they held", async () => {
  await limited.rules(perUser("leavers"));
  delayMs = 60_000;
  const requests = Array.from({ length: LIMIT }, begin);
  await expect.poll(() => active).toBe(LIMIT);
  expect(await statuses(3)).toEqual([429, 429, 429]);
  for (const request of requests) request.destroy();
  active = 0;
  await expectWhole();
});

test("a stream longer than the lease counts until it ends", async () => {
  await limited.rules(perUser("streams", "1s"));
  delayMs = 4000;
  const requests = Array.from({ length: LIMIT }, begin);
  const answers = requests.map((request) => once(request, "response"));
  await expect.poll(() => active).toBe(LIMIT);
  for (let i = 0; i < 6; i++) {
    expect(await statuses(1)).toEqual([429]);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  for (const [response] of await Promise.all(answers)) response.resume();
  await expectWhole();
}, 60_000);

test("a new configuration goes on counting what is in flight", async () => {
  await limited.rules(perUser("reloaded"));
  delayMs = 3000;
  const requests = Array.from({ length: LIMIT }, begin);
  await expect.poll(() => active).toBe(LIMIT);
  await limited.rules({ ...perUser("reloaded"), missing: "deny" });
  expect(await statuses(4)).toEqual([429, 429, 429, 429]);
  await Promise.all(requests.map(async (request) => (await once(request, "response"))[0].resume()));
  await expectWhole();
  await limited.rules();
  await expectAlive(limited);
}, 60_000);
