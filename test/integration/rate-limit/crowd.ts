// rate-limit in stock Envoy before more keys than it has room for: what several tests share.

import { expect } from "vitest";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { type LoadResult, runLoad } from "../../support/load.js";
import { type LimitEnvoy, startLimitEnvoy } from "./limit-envoy.js";

const LOAD_MS = 200_000;
const MIB = 1024 * 1024;

/** Envoy itself answers the requests that pass, which is faster than an upstream. */
export const PASSED = 299;
const answerHere = {
  name: "envoy.filters.http.fault",
  typed_config: typedConfig("envoy.extensions.filters.http.fault.v3.HTTPFault", {
    abort: { http_status: PASSED, percentage: { numerator: 100, denominator: "HUNDRED" } },
  }),
};

/** One request for each of the given number of users, as fast as possible. */
export function users(
  limited: LimitEnvoy,
  prefix: string,
  requests: number,
  more: { numbers?: number } = {},
): Promise<LoadResult> {
  return runLoad({
    port: limited.envoy.port,
    connections: 32,
    headers: [["x-user", `${prefix}-{n}`]],
    requests,
    forMs: LOAD_MS,
    ...more,
  });
}

/** Bytes that Envoy has allocated now. The statistic with that name may be five seconds old. */
async function memory(limited: LimitEnvoy): Promise<number> {
  const response = await fetch(`${limited.envoy.admin.url}/memory`);
  return Number(((await response.json()) as { allocated: string }).allocated);
}

/** How often a key was evicted before its limit was full again. */
export async function evictions(limited: LimitEnvoy, rule: string): Promise<number> {
  const stats = await limited.envoy.admin.stats(`rate_limit\\.evictions.*rule=${rule}$`);
  return [...stats.values()].reduce((sum, count) => sum + count, 0);
}

export const heavy = (limited: LimitEnvoy, count: number) =>
  limited.statuses(count, { headers: [["x-user", "heavy"]] });

/** Checks that a heavy user stays limited while `keys` others send requests, at most 100,000. */
export async function expectHeavyUserLimited(limited: LimitEnvoy, keys: number): Promise<void> {
  await limited.rules({
    name: "many",
    key: [{ header: "x-user" }],
    local: { limit: 5, unit: "hour" },
  });
  expect(await heavy(limited, 7)).toEqual([PASSED, PASSED, PASSED, PASSED, PASSED, 429, 429]);
  const before = await memory(limited);
  let others: LoadResult | undefined;
  const load = users(limited, "user", keys).then((result) => {
    others = result;
  });
  const probes: number[] = [];
  while (others === undefined) {
    probes.push(...(await heavy(limited, 1)));
    await Promise.race([load, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  const { statuses, answers } = others as LoadResult;
  expect(answers.length).toBe(keys);
  expect(statuses[PASSED]).toBeGreaterThanOrEqual(0.9999 * keys);
  expect(probes.length).toBeGreaterThan(5);
  expect(probes.filter((status) => status !== 429)).toEqual([]);
  expect(await heavy(limited, 3)).toEqual([429, 429, 429]);

  // Each of them is still known: of its five requests four are left.
  const again = await users(limited, "user", 5000, { numbers: 1000 });
  expect(again.statuses[PASSED]).toBeGreaterThanOrEqual(0.99 * 4000);
  expect(again.statuses[PASSED]).toBeLessThanOrEqual(4000);

  // Of so many keys a few find their bucket full.
  expect(await evictions(limited, "many")).toBeLessThan(30);

  // About 70 bytes for each key, and no more memory after as many other keys.
  const filled = await memory(limited);
  expect(filled - before).toBeLessThan(10 * MIB);
  await users(limited, "other", keys);
  expect((await memory(limited)) - filled).toBeLessThan(MIB);
  expect(await heavy(limited, 3)).toEqual([429, 429, 429]);
}

export function startTableEnvoy(): Promise<LimitEnvoy> {
  return startLimitEnvoy({
    after: [answerHere],
    // An access log of so many requests would take most of the memory.
    accessLog: { status: "%RESPONSE_CODE%" },
  });
}
