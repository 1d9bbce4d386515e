// rate-limit in stock Envoy with a rate limit service that is not asked about keys known to be over
// their limit.

import { describe, expect, test } from "vitest";
import { countingTo } from "../../support/rate-limit-service.js";
import { GlobalLimitBench, globalConfig, perUser, type Rule, user } from "./global-limit-envoy.js";

/** For results that are expected soon, also on a busy machine. */
const PATIENT = { timeout: 10_000 };

const bench = new GlobalLimitBench("precheck");

describe("the check before a call", () => {
  const inAnHour = () => 3600;

  test("saves the calls for keys that are over, on every worker, and for no others", async () => {
    const name = await bench.only();
    bench.service.respond = countingTo(3, inAnHour);
    let start = bench.service.questions.length;
    for (let i = 0; i < 4; i++) await bench.limited.send({ headers: user("heavy") });
    expect(bench.questionsSince(start)).toHaveLength(4);
    start = bench.service.questions.length;
    // Each request has its own connection, so some are on each worker.
    expect(await bench.limited.statuses(40, { headers: user("heavy") })).toEqual({ 429: 40 });
    expect(bench.questionsSince(start)).toHaveLength(0);
    expect((await bench.limited.send({ headers: user("light") })).status).toBe(200);
    expect(bench.questionsSince(start)).toHaveLength(1);
    expect(await bench.limited.outcomes(name)).toEqual({ allowed: 4, limited: 1, "limited-locally": 40 });
  });

  test("says when to retry, however far away that is", async () => {
    await bench.only();
    bench.service.respond = countingTo(0, inAnHour);
    const first = await bench.limited.send({ headers: user("later") });
    const second = await bench.limited.send({ headers: user("later") });
    expect(Number(first.header("retry-after"))).toBe(3600);
    expect(Number(second.header("retry-after"))).toBeGreaterThan(3590);
    expect(Number(second.header("retry-after"))).toBeLessThanOrEqual(3600);
  });

  test("ends when the service said", async () => {
    await bench.only();
    let isOver = true;
    bench.service.respond = () => ({ statuses: [{ over: isOver, resetSeconds: 1.7 }] });
    expect((await bench.limited.send({ headers: user("soon") })).status).toBe(429);
    isOver = false;
    const start = bench.service.questions.length;
    expect((await bench.limited.send({ headers: user("soon") })).status).toBe(429);
    expect(bench.questionsSince(start)).toHaveLength(0);
    await expect
      .poll(async () => (await bench.limited.send({ headers: user("soon") })).status, PATIENT)
      .toBe(200);
  });

  test("takes nothing from this Envoy's limits, which other requests need", async () => {
    const [all, each] = [bench.newName(), bench.newName()];
    const total: Rule = { name: all, local: { limit: 5, unit: "hour" } };
    await bench.limited.configure(globalConfig([total, perUser(each)]));
    bench.service.respond = ({ descriptors }) =>
      JSON.stringify(descriptors).includes("flood")
        ? { statuses: [{ over: true, resetSeconds: 3600 }] }
        : { statuses: [{}] };
    expect((await bench.limited.send({ headers: user("flood") })).status).toBe(429);
    expect(await bench.limited.statuses(20, { headers: user("flood") })).toEqual({ 429: 20 });
    expect(await bench.limited.statuses(10, { headers: user("calm") })).toEqual({ 200: 4, 429: 6 });
    expect(await bench.limited.outcomes(all)).toEqual({ allowed: 5, limited: 6 });
  });

  test("asks about requests that cost less than every refused one", async () => {
    await bench.only({ cost: { header: "x-cost" } });
    bench.service.respond = ({ descriptors }) => ({
      statuses: [{ over: (descriptors[0]?.hitsAddend ?? 1) > 5, resetSeconds: 30.5 }],
    });
    const withCost = async (cost: number) =>
      (
        await bench.limited.send({
          headers: [
            ["x-user", "spender"],
            ["x-cost", String(cost)],
          ],
        })
      ).status;
    expect(await withCost(10)).toBe(429);
    const start = bench.service.questions.length;
    expect(await withCost(20)).toBe(429);
    expect(bench.questionsSince(start)).toHaveLength(0);
    expect(await withCost(2)).toBe(200);
    expect(bench.questionsSince(start)).toHaveLength(1);
  });

  test("is not made when it is switched off, or when the service does not say until when", async () => {
    const name = bench.newName();
    await bench.limited.configure(globalConfig([perUser(name)], { preCheck: false }));
    bench.service.respond = countingTo(0, inAnHour);
    const start = bench.service.questions.length;
    expect(await bench.limited.statuses(5, { headers: user("asked") })).toEqual({ 429: 5 });
    expect(bench.questionsSince(start)).toHaveLength(5);
    await bench.only();
    bench.service.respond = countingTo(0);
    expect(await bench.limited.statuses(5, { headers: user("untold") })).toEqual({ 429: 5 });
    expect(bench.questionsSince(start)).toHaveLength(10);
  });
});
