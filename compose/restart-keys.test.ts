import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Json } from "../envoy/config/json.js";
import { findFilter } from "../filters/catalog.js";
import { defineFilter, type FilterChain } from "../filters/descriptor.js";
import { catalogUse } from "../test/support/catalog-use.js";
import { bundleDescriptor } from "../toolchain/bundle/descriptor.js";
import type { FilterUse } from "./filter-use.js";
import { changedRestartKeys } from "./restart-keys.js";

const fault = (settings: { readonly [key: string]: Json } = {}) =>
  catalogUse("fault-injection", { rules: [], ...settings });
const routing = (settings: { readonly [key: string]: Json } = {}) =>
  catalogUse("header-routing", { rules: [], ...settings });

describe("changedRestartKeys", () => {
  it("finds the keys that Envoy's own configuration repeats", () => {
    expect(changedRestartKeys(fault(), fault({ where: "upstream" }))).toEqual([["where"]]);
    expect(changedRestartKeys(routing(), routing({ destinationHeader: "x-to" }))).toEqual([
      ["destinationHeader"],
    ]);
  });

  it("names a bundle's key with its filter", () => {
    const descriptor = bundleDescriptor("edge", ["fault-injection", "header-routing"].map(findFilter));
    const use = (fault: object): FilterUse => {
      const config = { "fault-injection": { rules: [], ...fault }, "header-routing": { rules: [] } };
      return { filter: "edge", descriptor, config };
    };
    expect(changedRestartKeys(use({}), use({ where: "upstream" }))).toEqual([["fault-injection", "where"]]);
    expect(changedRestartKeys(use({}), use({ maxActive: 1 }))).toEqual([]);
  });

  it("finds neither a key that only the filter reads nor a default that is written out", () => {
    expect(changedRestartKeys(fault(), fault({ where: "downstream" }))).toEqual([]);
    expect(changedRestartKeys(routing(), routing({ destinationHeader: "x-mesh-destination" }))).toEqual([]);
    expect(changedRestartKeys(fault(), fault({ explainHeader: "x-fault" }))).toEqual([]);
  });

  it.each<[string, object, object]>([
    ["its chain", { chain: () => "downstream" }, { chain: () => "upstream" }],
    [
      "its destination header",
      { destinations: () => [], destinationHeader: () => "x-a" },
      { destinations: () => [], destinationHeader: () => "x-b" },
    ],
    ["its headers for the router", {}, { routerHeaders: () => ["x-a"] }],
    ["its marks of failures", {}, { outlierHeaders: () => ["x-a"] }],
  ])("names the settings as a whole where a filter that names no keys changes %s", (_what, before, after) => {
    const use = (answers: { chain?: () => FilterChain }): FilterUse => ({
      filter: "own",
      descriptor: defineFilter({ name: "own", summary: "own", schema: z.unknown(), ...answers }),
      config: {},
    });
    expect(changedRestartKeys(use(before), use(after))).toEqual([[]]);
    expect(changedRestartKeys(use(before), use(before))).toEqual([]);
  });
});
