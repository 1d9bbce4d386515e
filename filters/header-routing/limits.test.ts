// The limits, in the in-process host: the cost of the largest configuration, and of a request that
// is made to be expensive. A cost that grows with rules times bytes takes minutes, so it does not
// fail an assertion here but the time limit of the test.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import { amount } from "../../test/support/amount.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import { type HeaderRoutingConfig, headerRoutingSchema } from "./schema.js";

const RULES = amount(10_000, 3_000);
const PAGES_PER_MIB = 16;

let path: string;

beforeAll(async () => {
  const [built] = await buildFilters(["header-routing"]);
  if (built === undefined) throw new Error("header-routing was not built");
  path = built.path;
});

type Rule = HeaderRoutingConfig["rules"][number];

function rules(rule: (i: number) => Omit<Rule, "name">): HeaderRoutingConfig {
  return { rules: Array.from({ length: RULES }, (_, i) => ({ name: `r${i}`, ...rule(i) })) };
}

function configured(config: HeaderRoutingConfig): HostedModule {
  expect(headerRoutingSchema.safeParse(config).success).toBe(true);
  const module = loadModule(path);
  expect(module.configure(JSON.stringify(config))).toEqual({ accepted: true, logs: [] });
  return module;
}

const last = `u${RULES - 1}`;
const request = (target: string, ...more: [string, string][]): [string, string][] => [
  [":method", "GET"],
  [":path", target],
  [":authority", "shop.test"],
  ...more,
];

describe("as many rules as there may be", () => {
  test.each([
    ["headers", (i: number) => ({ match: { headers: [{ name: `x-${i}`, present: true as const }] } })],
    ["parameters", (i: number) => ({ match: { query: [{ name: `q${i}`, exact: "1" }] } })],
    ["cookies", (i: number) => ({ match: { cookies: [{ name: `c${i}`, exact: "1" }] } })],
  ])("with %s of their own are accepted, in less than 160 MiB", (_, match) => {
    const module = configured(rules((i) => ({ ...match(i), destination: "v1" })));
    expect(module.pages).toBeLessThan(160 * PAGES_PER_MIB);
    expect(module.exchange(request("/")).request).toEqual(request("/"));
  });

  test("with a split each are accepted, in less than 160 MiB", () => {
    const destinations = [
      { name: "a", weight: 1 },
      { name: "b", weight: 1 },
    ];
    const module = configured(rules(() => ({ split: { destinations } })));
    expect(module.pages).toBeLessThan(160 * PAGES_PER_MIB);
  });

  test.each([
    ["separators", true, `/?${"&".repeat(60_000)}a=${last}`],
    ["escapes", true, `/?a=${last}&b=${"%41".repeat(20_000)}`],
    ["escapes in the tested value", false, `/?a=${"%41".repeat(20_000)}&a=${last}`],
    ["escaped names", true, `/?${"%62=&".repeat(12_000)}%61=${last}`],
  ])("that test a parameter read a query of 60 KB once: %s", (_, matches, target) => {
    const config = rules((i) => ({ match: { query: [{ name: "a", exact: `u${i}` }] }, destination: "v1" }));
    const module = configured(config);
    const pages = module.pages;
    const decided = module.exchange(request(target)).request.some(([name]) => name === "x-mesh-destination");
    expect(decided).toBe(matches);
    expect(module.pages).toBe(pages);
  });

  test("that test a cookie read a header of 60 KB once", () => {
    const config = rules((i) => ({ match: { cookies: [{ name: "a", exact: `u${i}` }] }, destination: "v1" }));
    const module = configured(config);
    const pages = module.pages;
    const { request: sent } = module.exchange(request("/", ["cookie", `${"b=;".repeat(20_000)}a=${last}`]));
    expect(sent).toContainEqual(["x-mesh-destination", "v1"]);
    expect(module.pages).toBe(pages);
  });
});

/** A valid configuration of the given number of bytes as JSON, about 1 MiB. */
function sized(bytes: number): HeaderRoutingConfig {
  const filled = (lastPrefix: number): HeaderRoutingConfig => ({
    rules: Array.from({ length: 258 }, (_, i) => ({
      name: `r${i}`,
      match: { path: { prefix: "/".repeat(i === 0 ? lastPrefix : 4000) } },
      destination: "v1",
    })),
  });
  return filled(1 + bytes - JSON.stringify(filled(1)).length);
}

test.each([
  [1024 * 1024, true],
  [1024 * 1024 + 1, false],
])("a configuration of %i bytes as JSON: both readers say %s", (bytes, accepted) => {
  const config = sized(bytes);
  expect(JSON.stringify(config)).toHaveLength(bytes);
  expect(headerRoutingSchema.safeParse(config).success).toBe(accepted);
  expect(loadModule(path).configure(JSON.stringify(config)).accepted).toBe(accepted);
});

test("a list that is far too long is refused without reading all of it: less than 128 MiB", () => {
  const module = loadModule(path);
  const { accepted, logs } = module.configure(`{"rules":[${"1,".repeat(520_000)}1]}`);
  expect(accepted).toBe(false);
  expect(logs[0]).toContain("rules: must have at most 10000 items, not 520001");
  expect(module.pages).toBeLessThan(128 * PAGES_PER_MIB);
});
