import { describe, expect, it } from "vitest";
import { byChain, chainOf, changedFixedKeys } from "./chains.js";

const fault = (where?: string) => ({
  filter: "fault-injection",
  config: { rules: [], ...(where === undefined ? {} : { where }) },
});
const routing = (destinationHeader?: string) => ({
  filter: "header-routing",
  config: { rules: [], ...(destinationHeader === undefined ? {} : { destinationHeader }) },
});

describe("chainOf", () => {
  it.each([
    [fault(), "downstream"],
    [fault("upstream"), "upstream"],
    [{ filter: "retry-budget", config: {} }, "upstream"],
    [{ filter: "retry-budget", config: { where: "downstream" } }, "downstream"],
    [{ filter: "rate-limit", config: { rules: [] } }, "downstream"],
    [{ filter: "own", config: { where: "upstream" } }, "downstream"],
    [{ filter: "own", config: null, chain: "upstream" as const }, "upstream"],
  ])("of %j is %s", (use, chain) => {
    expect(chainOf(use)).toBe(chain);
  });
});

it("shares filters out in their order", () => {
  const uses = [fault("upstream"), routing(), { filter: "retry-budget", config: {} }, fault()];
  expect(byChain(uses)).toEqual({ downstream: [uses[1], uses[3]], upstream: [uses[0], uses[2]] });
});

describe("changedFixedKeys", () => {
  it("knows what Envoy repeats elsewhere", () => {
    expect(changedFixedKeys(fault(), fault("upstream"))).toEqual(["where"]);
    expect(changedFixedKeys(routing(), routing("x-to"))).toEqual(["destinationHeader"]);
  });

  it("finds nothing in what only the filter reads, nor in a default that is written out", () => {
    expect(changedFixedKeys(fault(), fault("downstream"))).toEqual([]);
    expect(changedFixedKeys(routing(), routing("x-mesh-destination"))).toEqual([]);
    const explained = { filter: "fault-injection", config: { rules: [], explainHeader: "x-fault" } };
    expect(changedFixedKeys(fault(), explained)).toEqual([]);
  });
});
