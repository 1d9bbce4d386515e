// A split with a cookie of its own, and rules in shadow mode, in stock Envoy.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { Browser, settingsIn } from "./browser.js";
import { type RoutingEnvoy, startRoutingEnvoy, upstreamOf } from "./routing-envoy.js";

const METRICS = "wasmcustom.meshwright.header_routing";
const VISITOR = /^mesh-visitor=[0-9a-f]{32}; Path=\/; Max-Age=86400; SameSite=Lax; HttpOnly$/;

let routing: RoutingEnvoy;

/** One Envoy for all tests: each gives it its own configuration. */
beforeAll(async () => {
  routing = await startRoutingEnvoy();
});

afterAll(() => routing?.[Symbol.asyncDispose]());

const canary = (weight: number): HeaderRoutingConfig => ({
  rules: [
    {
      name: "canary",
      split: {
        cookie: { maxAge: "24h" },
        destinations: [
          { name: "v1", weight: 100 - weight },
          { name: "v2", weight },
        ],
      },
    },
  ],
});

describe.each(["http1", "http2"] as const)("a visitor over %s", (protocol) => {
  test("gets a cookie once, and stays where it came first, on every worker", async () => {
    await routing.configure(canary(50));
    const places = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const browser = new Browser(routing.envoy.url);
        const first = await browser.visit({ protocol });
        expect(settingsIn(first)).toEqual([expect.stringMatching(VISITOR)]);
        for (let i = 0; i < 6; i++) {
          const later = await browser.visit({ protocol, headers: [["cookie", "theme=dark"]] });
          expect(settingsIn(later)).toEqual([]);
          expect(upstreamOf(later)).toBe(upstreamOf(first));
        }
        return upstreamOf(first);
      }),
    );
    expect(new Set(places)).toEqual(new Set(["v1", "v2"]));
  });
});

test("moves only to the destination whose weight rises, and only by that much", async () => {
  const browsers = Array.from({ length: 60 }, () => new Browser(routing.envoy.url));
  const placed = () => Promise.all(browsers.map(async (each) => upstreamOf(await each.visit())));
  const shares: number[] = [];
  let before: readonly string[] = [];
  for (const weight of [10, 20, 50]) {
    await routing.configure(canary(weight));
    const after = await placed();
    for (let i = 0; i < 3; i++) expect(await placed()).toEqual(after);
    expect(browsers.filter((_, i) => before[i] === "v2" && after[i] !== "v2")).toEqual([]);
    shares.push(after.filter((name) => name === "v2").length / browsers.length);
    before = after;
  }
  // Six standard deviations of what chance makes of 60 people.
  for (const [i, share] of [0.1, 0.2, 0.5].entries()) {
    expect(Math.abs((shares[i] ?? 0) - share)).toBeLessThan(6 * Math.sqrt((share * (1 - share)) / 60));
  }
});

test("a rule in shadow mode is counted apart, and the next one decides", async () => {
  const { rules } = canary(100);
  await routing.configure({
    rules: [
      { name: "what-if", shadow: true, destination: "v9" },
      ...rules.map((rule) => ({ ...rule, name: "real" })),
    ],
  });
  for (let i = 0; i < 5; i++) expect(await routing.reached()).toBe("v2");
  const stats = await routing.envoy.admin.stats("header_routing");
  expect(stats.get(`${METRICS}.shadow_decisions_total;rule=what-if;destination=v9`)).toBe(5);
  expect(stats.get(`${METRICS}.decisions_total;rule=real;destination=v2`)).toBe(5);
  expect(await routing.envoy.admin.prometheus()).toMatch(
    /^meshwright_header_routing_shadow_decisions_total\{[^}]*rule="what-if"[^}]*\} 5$/m,
  );
});
