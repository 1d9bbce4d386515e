// rate-limit in stock Envoy before more keys than it has room for: who is limited stays limited,
// and memory stays what it is.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { amount } from "../../support/amount.js";
import {
  evictions,
  expectHeavyUserLimited,
  expectNoMoreRoom,
  heavy,
  PASSED,
  startTableEnvoy,
  users,
} from "./crowd.js";
import type { LimitEnvoy } from "./limit-envoy.js";

const TEST_MS = 300_000;
/** As many active keys as the filter's page speaks of. */
const FULL = 100_000;
const KEYS = amount(FULL, 5_000);

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startTableEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

test(
  "a heavy user stays limited among tens of thousands of others, and hardly any of those is refused",
  async () => {
    const filled = await expectHeavyUserLimited(limited, KEYS);
    expect(await heavy(limited, 3)).toEqual([429, 429, 429]);
    // Fewer than the table has room for would take more of it.
    if (KEYS === FULL) await expectNoMoreRoom(limited, KEYS, filled);
  },
  TEST_MS,
);

test(
  "in a tiny table thousands of keys share the room, and none gets more than its limit",
  async () => {
    const [limit, keys] = [2, amount(3000, 1000)];
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
