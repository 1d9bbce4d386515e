// rate-limit in stock Envoy before more keys than it has room for: who is limited stays limited,
// and memory stays what it is.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { type LoadResult, runLoad } from "../../support/load.js";
import { type LimitEnvoy, startLimitEnvoy } from "./limit-envoy.js";

const TEST_MS = 300_000;
const LOAD_MS = 200_000;
const ACTIVE_KEYS = 100_000;
const MIB = 1024 * 1024;

/** What passes is answered by Envoy itself, which is faster than an upstream. */
const PASSED = 299;
const answerHere = {
  name: "envoy.filters.http.fault",
  typed_config: typedConfig("envoy.extensions.filters.http.fault.v3.HTTPFault", {
    abort: { http_status: PASSED, percentage: { numerator: 100, denominator: "HUNDRED" } },
  }),
};

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startLimitEnvoy({
    after: [answerHere],
    // An access log of so many requests would be most of the memory.
    accessLog: { status: "%RESPONSE_CODE%" },
  });
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

/** One request for each of so many users, as fast as they can. */
function users(prefix: string, requests: number, more: { numbers?: number } = {}): Promise<LoadResult> {
  return runLoad({
    port: limited.envoy.port,
    connections: 32,
    headers: [["x-user", `${prefix}-{n}`]],
    requests,
    forMs: LOAD_MS,
    ...more,
  });
}

/** Bytes that Envoy has allocated now; the statistic of that name is up to five seconds old. */
async function memory(): Promise<number> {
  const response = await fetch(`${limited.envoy.admin.url}/memory`);
  return Number(((await response.json()) as { allocated: string }).allocated);
}

/** How often a key had to go whose limit was not full again. */
async function evictions(rule: string): Promise<number> {
  const stats = await limited.envoy.admin.stats(`rate_limit\\.evictions.*rule=${rule}$`);
  return [...stats.values()].reduce((sum, count) => sum + count, 0);
}

const heavy = (count: number) => limited.statuses(count, { headers: [["x-user", "heavy"]] });

test(
  "a heavy user stays limited while a hundred thousand others come by, and hardly any of those is refused",
  async () => {
    await limited.rules({
      name: "many",
      key: [{ header: "x-user" }],
      local: { limit: 5, unit: "hour" },
    });
    expect(await heavy(7)).toEqual([PASSED, PASSED, PASSED, PASSED, PASSED, 429, 429]);
    const before = await memory();
    let others: LoadResult | undefined;
    const load = users("user", ACTIVE_KEYS).then((result) => {
      others = result;
    });
    const probes: number[] = [];
    while (others === undefined) {
      probes.push(...(await heavy(1)));
      await Promise.race([load, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    const { statuses, answers } = others as LoadResult;
    expect(answers.length).toBe(ACTIVE_KEYS);
    expect(statuses[PASSED]).toBeGreaterThanOrEqual(0.9999 * ACTIVE_KEYS);
    expect(probes.length).toBeGreaterThan(5);
    expect(probes.filter((status) => status !== 429)).toEqual([]);
    expect(await heavy(3)).toEqual([429, 429, 429]);

    // Each of the hundred thousand is known still: of its five it has four.
    const again = await users("user", 5000, { numbers: 1000 });
    expect(again.statuses[PASSED]).toBeGreaterThanOrEqual(0.99 * 4000);
    expect(again.statuses[PASSED]).toBeLessThanOrEqual(4000);

    // Of a hundred thousand a few find their bucket full.
    expect(await evictions("many")).toBeLessThan(30);

    // About 70 bytes for each key, and as much after a hundred thousand others.
    const filled = await memory();
    expect(filled - before).toBeLessThan(10 * MIB);
    await users("other", ACTIVE_KEYS);
    expect((await memory()) - filled).toBeLessThan(MIB);
    expect(await heavy(3)).toEqual([429, 429, 429]);
  },
  TEST_MS,
);

test(
  "in a tiny table thousands of keys share the room, and none gets more than its limit",
  async () => {
    const [limit, keys] = [2, 3000];
    await limited.rules({
      name: "tiny",
      key: [{ header: "x-user" }],
      local: { limit, unit: "hour", keys: 16 },
    });
    expect(await heavy(4)).toEqual([PASSED, PASSED, 429, 429]);
    const { answers, statuses } = await users("crowd", 4 * keys, { numbers: keys });
    const admitted = new Map<number, number>();
    for (const { number, status } of answers) {
      if (status === PASSED) admitted.set(number, (admitted.get(number) ?? 0) + 1);
    }
    expect(Math.max(...admitted.values())).toBeLessThanOrEqual(limit);
    expect(statuses[429]).toBeGreaterThan(0);
    expect(await evictions("tiny")).toBeGreaterThan(0);
    expect(Object.keys(statuses).every((status) => [PASSED, 429].includes(Number(status)))).toBe(true);
    // Of an evicted key the bucket is not fresh when it comes back.
    expect(await heavy(3)).toEqual([429, 429, 429]);
  },
  TEST_MS,
);
