// rate-limit in stock Envoy before more keys than it has room for: who is limited stays limited,
// and memory stays what it is.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { evictions, expectHeavyUserLimited, heavy, PASSED, startTableEnvoy, users } from "./crowd.js";
import type { LimitEnvoy } from "./limit-envoy.js";

const TEST_MS = 120_000;

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startTableEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

test(
  "a heavy user stays limited among ten thousand others, and hardly any of those is refused",
  async () => {
    await expectHeavyUserLimited(limited, 10_000);
    expect(await heavy(limited, 3)).toEqual([429, 429, 429]);
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
    expect(await heavy(limited, 4)).toEqual([PASSED, PASSED, 429, 429]);
    const { answers, statuses } = await users(limited, "crowd", 4 * keys, { numbers: keys });
    const admitted = new Map<number, number>();
    for (const { number, status } of answers) {
      if (status === PASSED) admitted.set(number, (admitted.get(number) ?? 0) + 1);
    }
    expect(Math.max(...admitted.values())).toBeLessThanOrEqual(limit);
    expect(statuses[429]).toBeGreaterThan(0);
    expect(await evictions(limited, "tiny")).toBeGreaterThan(0);
    expect(Object.keys(statuses).every((status) => [PASSED, 429].includes(Number(status)))).toBe(true);
    // Of an evicted key the bucket is not fresh when it comes back.
    expect(await heavy(limited, 3)).toEqual([429, 429, 429]);
  },
  TEST_MS,
);
