import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineFilter, type FilterChain } from "../filters/descriptor.js";
import { catalogUse } from "../test/support/catalog-use.js";
import { byChain, chainOf, inChainOf, onlyCluster, settingsOf } from "./chains.js";
import type { FilterUse } from "./filter-use.js";

const fault = (where?: string) =>
  catalogUse("fault-injection", { rules: [], ...(where === undefined ? {} : { where }) });

/** An author's filter that says nothing about chains. */
const own: FilterUse = {
  filter: "own",
  descriptor: defineFilter({ name: "own", summary: "own", schema: z.unknown() }),
  config: { where: "upstream" },
};
const chain = (given: FilterChain): FilterUse => ({
  ...own,
  descriptor: defineFilter({ name: "own", summary: "own", schema: z.unknown(), chain: () => given }),
});

describe("chainOf", () => {
  it.each<[FilterUse, FilterChain]>([
    [fault(), "downstream"],
    [fault("upstream"), "upstream"],
    [catalogUse("retry-budget"), "upstream"],
    [catalogUse("retry-budget", { where: "downstream" }), "downstream"],
    [catalogUse("rate-limit", { rules: [] }), "downstream"],
    [own, "downstream"],
    [{ ...own, config: null, chain: "upstream" }, "upstream"],
    [chain("upstream"), "upstream"],
    [{ ...chain("downstream"), chain: "upstream" }, "upstream"],
  ])("of %j is %s", (use, expected) => {
    expect(chainOf(use)).toBe(expected);
  });
});

it("distributes filters in their order", () => {
  const uses = [fault("upstream"), own, catalogUse("retry-budget"), fault()];
  expect(byChain(uses)).toEqual({ downstream: [uses[1], uses[3]], upstream: [uses[0], uses[2]] });
});

describe("the settings of a filter in a cluster's chain", () => {
  const descriptor = defineFilter({
    name: "named",
    summary: "",
    schema: z.looseObject({}),
    chain: () => "upstream",
    inCluster: (config, cluster) => ({ ...config, cluster }),
  });
  const use = { filter: "named", descriptor, config: { a: 1 } };

  it("are those for the cluster, and as they are where it is not known", () => {
    expect(inChainOf([use], "shop").map(settingsOf)).toEqual([{ a: 1, cluster: "shop" }]);
    expect(settingsOf(use)).toBe(use.config);
    expect(settingsOf({ ...chain("upstream"), cluster: "shop" })).toBe(own.config);
  });

  it("are as they are in a listener's chain", () => {
    expect(settingsOf({ ...use, cluster: "shop", chain: "downstream" })).toBe(use.config);
  });

  it("are for one cluster where there is but one", () => {
    expect([[], ["a"], ["a", "b"]].map(onlyCluster)).toEqual([undefined, "a", undefined]);
  });
});
