// rate-limit in stock Envoy: what its rules admit, one alone and several together, and what the
// metrics say about it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SendOptions } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { runLoad } from "../../support/load.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const PROTOCOLS = ["http1", "http2"] as const;

let limited: LimitEnvoy;
let names = 0;

beforeAll(async () => {
  limited = await startLimitEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

/** A name that no test used before, so that no bucket of another test is left. */
const newName = () => `rule-${names++}`;
const hourly = (limit: number, burst?: number) =>
  ({ limit, unit: "hour", ...(burst === undefined ? {} : { burst }) }) as const;
const header = (name: string, value: string): SendOptions => ({ headers: [[name, value]] });
const repeated = (status: number, times: number) => Array.from({ length: times }, () => status);

describe("a limit", () => {
  test.each(["minute", "hour", "day"] as const)("of three a %s admits three at once", async (unit) => {
    await limited.rules({ name: newName(), local: { limit: 3, unit } });
    expect(await limited.statuses(6)).toEqual([200, 200, 200, 429, 429, 429]);
  });

  test("admits its burst at once, whether it is smaller or larger", async () => {
    for (const burst of [1, 2, 7]) {
      await limited.rules({ name: newName(), local: hourly(4, burst) });
      expect(await limited.statuses(9)).toEqual([...repeated(200, burst), ...repeated(429, 9 - burst)]);
    }
  });

  test("of a second refills one request after another", async () => {
    const [name, limit] = [newName(), 20];
    await limited.rules({ name, local: { limit, unit: "second", burst: 1 } });
    const { statuses, durationMs } = await runLoad({
      port: limited.envoy.port,
      connections: 16,
      rate: 400,
      forMs: 2000,
    });
    const most = Math.floor((limit * durationMs) / 1000) + 1;
    expect(statuses[200]).toBeLessThanOrEqual(most);
    // A request is sent every 2.5 ms, so in each 50 ms at most a few are lost.
    expect(statuses[200]).toBeGreaterThanOrEqual(0.8 * most);
  });

  test("of a thousand million a second lets all requests pass", async () => {
    const name = newName();
    await limited.rules({ name, local: { limit: 1_000_000_000, unit: "second" } });
    expect(await limited.statuses(20)).toEqual(repeated(200, 20));
    expect(await limited.outcomes(name)).toEqual({ allowed: 20 });
  });

  test.each(PROTOCOLS)("is one over both workers and all connections, %s", async (protocol) => {
    const name = newName();
    await limited.rules({ name, local: hourly(25) });
    const sent = Array.from({ length: 60 }, () => limited.request({ protocol }));
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBe(25);
    expect(await limited.outcomes(name)).toEqual({ allowed: 25, limited: 35 });
  });
});

describe("a cost", () => {
  test("that is fixed is taken by each request", async () => {
    await limited.rules({ name: newName(), local: hourly(10), cost: { fixed: 4 } });
    expect(await limited.statuses(3)).toEqual([200, 200, 429]);
  });

  test("is what a header says, or else the default, and no more than the maximum", async () => {
    const cost = { header: "x-cost", default: 2, max: 5 } as const;
    const spend = async (costs: readonly (string | undefined)[]) => {
      await limited.rules({ name: newName(), local: hourly(10), cost });
      const statuses: number[] = [];
      for (const value of costs) {
        statuses.push(...(await limited.statuses(1, value === undefined ? {} : header("x-cost", value))));
      }
      return statuses;
    };
    expect(await spend(["3", "3", "4", "1"])).toEqual([200, 200, 200, 429]);
    expect(await spend(["100", "99999999999999999999", "1"])).toEqual([200, 200, 429]);
    for (const nonsense of [undefined, "", "x", "-4", "1.5", "0x5", "1e3", "5 5"]) {
      expect(await spend([...Array(5).fill(nonsense), "1"])).toEqual([...repeated(200, 5), 429]);
    }
  });

  test("of 0 checks and takes nothing", async () => {
    await limited.rules({ name: newName(), local: hourly(2), cost: { header: "x-cost" } });
    expect(await limited.statuses(5, header("x-cost", "0"))).toEqual(repeated(200, 5));
    expect(await limited.statuses(3, header("x-cost", "1"))).toEqual([200, 200, 429]);
  });

  test("above the burst is never admitted, and takes nothing", async () => {
    await limited.rules({ name: newName(), local: hourly(3), cost: { header: "x-cost" } });
    const refused = await limited.request(header("x-cost", "4"));
    // Waiting does not help, so there is no Retry-After.
    expect([refused.status, refused.header("retry-after")]).toEqual([429, undefined]);
    expect(await limited.statuses(1, header("x-cost", "3"))).toEqual([200]);
  });
});

describe("several rules", () => {
  test("must all let a request pass, and one that refuses leaves the others unchanged", async () => {
    const [user, all] = [newName(), newName()];
    await limited.rules(
      { name: user, key: [{ header: "x-user" }], local: hourly(2) },
      { name: all, local: hourly(5) },
    );
    expect(await limited.statuses(4, header("x-user", "a"))).toEqual([200, 200, 429, 429]);
    expect(await limited.statuses(4, header("x-user", "b"))).toEqual([200, 200, 429, 429]);
    // The four refusals took none of the five of all.
    expect(await limited.statuses(2, header("x-user", "c"))).toEqual([200, 429]);
    expect(await limited.outcomes(all)).toMatchObject({ allowed: 5 });
    // The refusals of all took none of d's two.
    expect(await limited.statuses(3, header("x-user", "d"))).toEqual([429, 429, 429]);
    await limited.rules({ name: user, key: [{ header: "x-user" }], local: hourly(2) });
    expect(await limited.statuses(3, header("x-user", "d"))).toEqual([200, 200, 429]);
  });

  test("whose match does not hold do not count", async () => {
    const [write, read] = [newName(), newName()];
    await limited.rules(
      { name: write, match: { method: "POST" }, local: hourly(1) },
      { name: read, match: { method: "GET" }, local: hourly(3) },
    );
    expect(await limited.statuses(2, { method: "POST" })).toEqual([200, 429]);
    expect(await limited.statuses(4)).toEqual([200, 200, 200, 429]);
    expect(await limited.outcomes(write)).toEqual({ allowed: 1, limited: 1 });
    expect(await limited.outcomes(read)).toEqual({ allowed: 3, limited: 1 });
  });

  test("of a minute and of an hour over one key both hold", async () => {
    const key: LimitRule["key"] = [{ header: "x-user" }];
    await limited.rules(
      { name: newName(), key, local: { limit: 3, unit: "minute" } },
      { name: newName(), key, local: { limit: 100, unit: "hour", burst: 2 } },
    );
    expect(await limited.statuses(4, header("x-user", "a"))).toEqual([200, 200, 429, 429]);
  });
});

describe("exempt requests", () => {
  test("by a match are not counted", async () => {
    const name = newName();
    const exempt: LimitRule["exempt"] = {
      matches: [{ path: { exact: "/health" } }, { headers: [{ name: "x-plan", exact: "gold" }] }],
    };
    await limited.rules({ name, exempt, local: hourly(1) });
    expect(await limited.statuses(3, { path: "/health?x=1" })).toEqual([200, 200, 200]);
    expect(await limited.statuses(3, header("x-plan", "gold"))).toEqual([200, 200, 200]);
    expect(await limited.statuses(2)).toEqual([200, 429]);
    expect(await limited.outcomes(name)).toEqual({ allowed: 1, limited: 1, exempt: 6 });
  });
});

describe("a share", () => {
  test("by a key takes the same users each time", async () => {
    const name = newName();
    const rule = (percentage: number): LimitRule => ({
      name,
      key: [{ header: "x-user" }],
      share: { percentage, key: { header: "x-user" } },
      local: hourly(1),
    });
    await limited.rules(rule(50));
    const users = Array.from({ length: 60 }, (_, i) => `u-${i}`);
    const limitedUsers = async () => {
      const seen = await Promise.all(
        users.map((user) => limited.statuses(2, header("x-user", user)).then((all) => all.includes(429))),
      );
      return users.filter((_, i) => seen[i]);
    };
    const once = await limitedUsers();
    // Five standard deviations of a fair draw.
    expect(Math.abs(once.length - 30)).toBeLessThan(20);
    expect(await limitedUsers()).toEqual(once);
    await limited.rules(rule(80));
    expect(await limitedUsers()).toEqual(expect.arrayContaining(once));
  });

  test("of 0 limits nobody", async () => {
    const name = newName();
    await limited.rules({ name, share: { percentage: 0 }, local: hourly(1) });
    expect(await limited.statuses(4)).toEqual(repeated(200, 4));
    expect(await limited.outcomes(name)).toEqual({});
  });
});

describe("shadow mode", () => {
  test("counts what the rule would do, and does nothing", async () => {
    const [shadow, real] = [newName(), newName()];
    await limited.rules({ name: shadow, shadow: true, local: hourly(1) }, { name: real, local: hourly(3) });
    expect(await limited.statuses(4)).toEqual([200, 200, 200, 429]);
    const counted = await limited.outcomes(shadow);
    expect(counted["shadow-allowed"]).toBe(1);
    expect(counted["shadow-limited"]).toBeGreaterThanOrEqual(2);
    expect(Object.keys(counted).every((outcome) => outcome.startsWith("shadow-"))).toBe(true);
    expect(await limited.outcomes(real)).toEqual({ allowed: 3, limited: 1 });
  });
});

test("the counts are also in Prometheus' format, by rule and outcome", async () => {
  const name = newName();
  await limited.rules({ name, local: hourly(2) });
  await limited.statuses(5);
  const lines = await limited.envoy.admin.prometheus();
  for (const [outcome, count] of [
    ["allowed", 2],
    ["limited", 3],
  ] as const) {
    const line = lines
      .split("\n")
      .find((text) => text.includes(`rule="${name}"`) && text.includes(`outcome="${outcome}"`));
    expect(line).toMatch(new RegExp(`^meshwright_rate_limit_decisions_total\\{.*\\} ${count}$`));
  }
  await expectAlive(limited);
});
