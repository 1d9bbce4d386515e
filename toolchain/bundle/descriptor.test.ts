import { describe, expect, it } from "vitest";
import { z } from "zod";
import { meshSchema } from "../../compose/mesh/schema.js";
import { checkValue, formatProblem } from "../../envoy/problems.js";
import { findFilter } from "../../filters/catalog.js";
import { defineFilter } from "../../filters/descriptor.js";
import { bundleDescriptor } from "./descriptor.js";

const caller = defineFilter({
  name: "caller",
  summary: "calls a service over HTTP",
  schema: z.strictObject({ cluster: z.string() }),
  httpServices: ({ cluster }) => [{ name: cluster, path: ["cluster"] }],
  restartKeys: ({ cluster }) => ({ cluster }),
});
const EDGE = bundleDescriptor("edge", ["trace-headers", "header-routing"].map(findFilter).concat(caller));
const FAULTY = bundleDescriptor("faulty", ["fault-injection", "rate-limit"].map(findFilter));
const PARTS = { "trace-headers": {}, "header-routing": { rules: [] }, caller: { cluster: "keys" } };

function problemsOf(uses: readonly object[], more: object = {}): readonly string[] {
  const mesh = {
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "app" }] },
    services: { app: { versions: { v1: { command: "x" } }, filters: uses } },
    httpServices: { keys: { url: "http://127.0.0.1:1" } },
    ...more,
  };
  const checked = checkValue(mesh, meshSchema([EDGE, FAULTY]));
  return checked.ok ? [] : checked.problems.map(formatProblem);
}

describe("a bundle in a mesh file", () => {
  it("has its filters' settings under their names", () => {
    expect(problemsOf([{ filter: "edge", config: PARTS }])).toEqual([]);
    expect(
      problemsOf([{ filter: "edge", config: { ...PARTS, "trace-headers": { sampling: 101 } } }]),
    ).toEqual(["services.app.filters[0].config.trace-headers.sampling: must be a number from 0 to 100"]);
    expect(problemsOf([{ filter: "edge" }])).toEqual([
      expect.stringMatching(/^services\.app\.filters\[0\]\.config: is required/),
    ]);
  });

  it("has its filters' destinations, and chooses once before a service", () => {
    const rules = [{ name: "a", destination: "v2" }];
    const uses = [{ filter: "edge", config: { ...PARTS, "header-routing": { rules } } }];
    expect(problemsOf(uses)).toEqual([
      'services.app.filters[0].config.header-routing.rules[0].destination: there is no version of app "v2"; did you mean "v1"?',
    ]);
    const edge = { filter: "edge", config: PARTS };
    expect(problemsOf([edge, edge])).toEqual([
      "services.app.filters: have edge twice; put the rules into one",
    ]);
  });

  it("calls the services that its filters call", () => {
    const use = { filter: "edge", config: PARTS };
    expect(problemsOf([use], { httpServices: undefined })).toEqual([
      expect.stringMatching(
        /^services\.app\.filters\[0\]\.config\.caller\.cluster: .*"keys".*say where it is: httpServices: \{ keys:/,
      ),
    ]);
  });

  it("stands in its filters' chain, which must be one", () => {
    const config = (where: string) => ({
      "fault-injection": { rules: [], where },
      "rate-limit": { rules: [] },
    });
    expect(problemsOf([{ filter: "faulty", config: config("downstream") }])).toEqual([]);
    expect(problemsOf([{ filter: "faulty", config: config("upstream") }])).toEqual([
      "services.app.filters[0].config.rate-limit: stands in the listener's chain and fault-injection in the cluster's chain, and a bundle stands in one chain: let both stand in the same (\"where\" says it), or use one of them outside the bundle",
    ]);
    expect(FAULTY.chain?.(config("downstream"))).toBe("downstream");
  });

  it("keeps each filter's keys that only a restart changes, under its name", () => {
    expect(EDGE.restartKeys?.(PARTS)).toEqual({
      "header-routing": { destinationHeader: "x-mesh-destination", mirror: "" },
      caller: { cluster: "keys" },
    });
  });

  it("tells its filters the cluster in whose chain it stands", () => {
    const attempts = bundleDescriptor("attempts", ["retry-budget", "fault-injection"].map(findFilter));
    const faults = { where: "upstream", rules: [] };
    expect(attempts.inCluster?.({ "retry-budget": {}, "fault-injection": faults }, "shop")).toEqual({
      "retry-budget": { budgets: [{ name: "default", per: { cluster: "shop" } }] },
      "fault-injection": faults,
    });
    expect(FAULTY.inCluster).toBeUndefined();
  });

  it("shares the data that one of its filters shares", () => {
    const both = bundleDescriptor("both", ["trace-headers", "deadline"].map(findFilter));
    expect(both.sharedData?.({ "trace-headers": {}, deadline: { trace: "inbound" } })).toBe("deadline");
    expect(both.sharedData?.({ "trace-headers": {}, deadline: {} })).toBeUndefined();
  });
});
