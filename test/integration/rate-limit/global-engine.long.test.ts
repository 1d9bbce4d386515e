// rate-limit in stock Envoy with the real rate limit service, `envoyproxy/ratelimit`, and a real
// Redis.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { HeaderList } from "../../../kit/traffic.js";
import {
  type EngineOptions,
  type RateLimitEngine,
  startRateLimitEngine,
} from "../../support/rate-limit-engine.js";
import { isMissing, needs, type Tool } from "../../support/tools.js";
import {
  type GlobalLimitEnvoy,
  globalConfig,
  perUser,
  type Rule,
  type Service,
  startGlobalLimitEnvoy,
} from "./global-limit-envoy.js";

const TOOLS: readonly Tool[] = ["redis", "ratelimit"];
const missing = TOOLS.filter(isMissing);

/**
 * As in the service's configuration below. Windows are a day long, so that only a test at midnight
 * meets the end of one.
 */
const PER_USER = 20;

const PER_SECOND = 40;

let engine: RateLimitEngine;
let first: GlobalLimitEnvoy;
let other: GlobalLimitEnvoy;
let names = 0;

async function start(): Promise<void> {
  const day = (requests: number) => ({ unit: "day", requests_per_unit: requests });
  engine = await startRateLimitEngine({
    domain: "shop",
    descriptors: [
      { key: "user", rate_limit: day(PER_USER), descriptors: [{ key: "path", rate_limit: day(2) }] },
      { key: "tenant", value: "gold", rate_limit: day(5) },
      { key: "client", rate_limit: { unit: "second", requests_per_unit: PER_SECOND } },
      { key: "tenant", value: "shadow", rate_limit: day(1), shadow_mode: true },
    ],
  });
  [first, other] = await Promise.all([startGlobalLimitEnvoy(engine), startGlobalLimitEnvoy(engine)]);
}

async function stop(): Promise<void> {
  for (const resource of [first, other, engine]) await resource?.[Symbol.asyncDispose]();
}

/** The service's configuration that the filter's README shows. */
function shownLimits(): EngineOptions {
  const readme = readFileSync(new URL("../../../filters/rate-limit/README.md", import.meta.url), "utf8");
  const [, limits = ""] = /<<'END'\n(.*?)^END$/ms.exec(readme) ?? [];
  return parse(limits) as EngineOptions;
}

/** A key that no other test has, also in the service. */
const newName = () => `engine-${names++}`;
const user = (name: string): HeaderList => [["x-user", name]];

async function only(rule: Partial<Rule> = {}, service: Partial<Service> = {}): Promise<string> {
  const name = newName();
  for (const limited of [first, other]) await limited.configure(globalConfig([perUser(name, rule)], service));
  return name;
}

const why = missing.map(needs).join(" ");

describe.skipIf(missing.length > 0)(`the real rate limit service ${why}`, () => {
  // The service may have to be built first.
  beforeAll(start, 300_000);
  afterAll(stop);
  beforeEach(() => {
    showLogsOnFailure(first.envoy);
  });

  test("admits exactly each key's limit", async () => {
    const name = await only();
    const [ann, bob] = [newName(), newName()];
    const reached = first.upstream.requests.length;
    expect(await first.statuses(50, { headers: user(ann) })).toEqual({ 200: PER_USER, 429: 30 });
    expect(await first.statuses(PER_USER, { headers: user(bob), protocol: "http2" })).toEqual({
      200: PER_USER,
    });
    expect(first.upstream.requests.length - reached).toBe(2 * PER_USER);
    const { allowed, limited = 0, "limited-locally": locally = 0 } = await first.outcomes(name);
    expect(allowed).toBe(2 * PER_USER);
    expect(limited + locally).toBe(30);
  });

  test("gives two Envoys one limit", async () => {
    await only();
    const headers = user(newName());
    const [a, b] = await Promise.all([first.statuses(40, { headers }), other.statuses(40, { headers })]);
    expect((a[200] ?? 0) + (b[200] ?? 0)).toBe(PER_USER);
    expect((a[429] ?? 0) + (b[429] ?? 0)).toBe(80 - PER_USER);
  });

  test("gives them a limit of a second in each second, and most calls are saved", async () => {
    const name = await only({ key: [{ header: "x-user", as: "client" }] });
    const headers = user(newName());
    const second = () => Math.floor(Date.now() / 1000);
    const start = second();
    let sent = 0;
    let admitted = 0;
    while (second() < start + 4) {
      const waves = await Promise.all([first.statuses(20, { headers }), other.statuses(20, { headers })]);
      for (const statuses of waves) admitted += statuses[200] ?? 0;
      sent += 40;
    }
    // The first and the last second may be incomplete.
    const windows = second() - start + 1;
    expect(admitted).toBeLessThanOrEqual(windows * PER_SECOND);
    expect(admitted).toBeGreaterThanOrEqual((windows - 2) * PER_SECOND);
    const { allowed = 0, limited = 0, "limited-locally": locally = 0 } = await first.outcomes(name);
    expect(allowed + limited + locally).toBe(sent / 2);
    expect(locally).toBeGreaterThan(limited);
  });

  test("keeps its limit through 500 requests at once", async () => {
    await only();
    expect(await first.statuses(500, { headers: user(newName()) })).toEqual({ 200: PER_USER, 429: 480 });
  });

  test("counts what a request costs, and nothing for a cost of 0", async () => {
    await only({ cost: { header: "x-cost" } }, { preCheck: false });
    const key = newName();
    const withCost = async (cost: number) =>
      (await first.send({ headers: [...user(key), ["x-cost", String(cost)]] })).status;
    for (let i = 0; i < 30; i++) expect(await withCost(0)).toBe(200);
    expect(await withCost(15)).toBe(200);
    expect(await withCost(5)).toBe(200);
    expect(await withCost(0)).toBe(200);
    expect(await withCost(1)).toBe(429);
    expect(await withCost(0)).toBe(429);
  });

  test("uses several entries, several descriptors and limits that the filter sends", async () => {
    const ann = newName();
    await only({
      key: [
        { header: "x-user", as: "user" },
        { pathSegment: 0, as: "path" },
      ],
    });
    expect(await first.statuses(5, { headers: user(ann), path: "/a" })).toEqual({ 200: 2, 429: 3 });
    expect(await first.statuses(5, { headers: user(ann), path: "/b" })).toEqual({ 200: 2, 429: 3 });
    await only({ global: { limitOverride: { limit: 7, unit: "day" } } });
    expect(await first.statuses(10, { headers: user(newName()) })).toEqual({ 200: 7, 429: 3 });
    const gold: Rule = { name: newName(), key: [{ value: "gold", as: "tenant" }], global: {} };
    await first.configure(globalConfig([perUser(newName()), gold]));
    expect(await first.statuses(10, { headers: user(newName()) })).toEqual({ 200: 5, 429: 5 });
  });

  test("lets pass what it has no limit for, what it has in shadow mode, and values that are not UTF-8, as text", async () => {
    for (const value of ["silver", "shadow"]) {
      await only({ key: [{ value, as: "tenant" }] });
      expect(await first.statuses(10)).toEqual({ 200: 10 });
    }
    await only();
    const odd = `${newName()}\xff\xfe`;
    expect(await first.statuses(PER_USER + 5, { headers: user(odd) })).toEqual({ 200: PER_USER, 429: 5 });
    const long = newName().padEnd(100_000, "x");
    expect(await first.statuses(PER_USER + 5, { headers: user(long) })).toEqual({ 200: PER_USER, 429: 5 });
  });

  test("reports in headers what is left, on answers that pass and on refusals", async () => {
    await only();
    const headers = user(newName());
    const passed = await first.send({ headers });
    expect(passed.header("ratelimit-limit")).toBe(String(PER_USER));
    expect(passed.header("ratelimit-remaining")).toBe(String(PER_USER - 1));
    await first.statuses(PER_USER - 1, { headers });
    const refused = await first.send({ headers });
    expect(refused.status).toBe(429);
    expect(refused.header("ratelimit-remaining")).toBe("0");
    const reset = Number(refused.header("ratelimit-reset"));
    expect(Math.abs(Number(refused.header("retry-after")) - reset)).toBeLessThanOrEqual(1);
  });

  test("keeps the limits that the README shows", async () => {
    await using shown = await startRateLimitEngine(shownLimits());
    await using limited = await startGlobalLimitEnvoy(shown);
    const tenant = { header: "x-user", as: "tenant" };
    const name = newName();
    await limited.configure(
      globalConfig([
        { name, key: [tenant], global: {} },
        { name: `${name}-path`, key: [tenant, { pathSegment: 0 }], global: {} },
      ]),
    );
    expect(await limited.statuses(15, { headers: user("trial") })).toEqual({ 200: 10, 429: 5 });
    expect(await limited.statuses(30, { headers: user("other"), path: "/reports/1" })).toEqual({ 200: 30 });
    expect(await limited.statuses(30, { headers: user("other"), path: "/reports/2" })).toMatchObject({
      429: 10,
    });
  });

  test("without its Redis is a failing service, and is asked again when Redis is back", async () => {
    const name = await only({}, { failureMode: "deny" });
    const headers = user(newName());
    expect((await first.send({ headers })).status).toBe(200);
    await engine.stopRedis();
    expect(await first.statuses(10, { headers })).toEqual({ 503: 10 });
    expect(await first.outcomes(name)).toEqual({ allowed: 1, "service-failed-denied": 10 });
    await engine.startRedis();
    await expect.poll(async () => (await first.send({ headers })).status).toBe(200);
  });
});
