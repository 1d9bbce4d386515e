import { expect, it } from "vitest";
import type { FrontOptions } from "./plan.js";
import { frontConfiguration, planFront, unservedDestinations } from "./plan.js";

const OPTIONS: FrontOptions = {
  port: 10_000,
  adminPort: 9901,
  upstreams: {
    fallback: { address: "127.0.0.1", port: 1 },
    named: { v2: { address: "localhost", port: 2 } },
  },
  filters: [
    { filter: "trace-headers", config: {} },
    {
      filter: "header-routing",
      config: {
        rules: [
          { name: "a", destination: "v2" },
          { name: "b", destination: "v3" },
        ],
      },
    },
  ],
  modulePath: (filter) => `/build/${filter}.wasm`,
};

it("sends a destination to the upstream of that name, and the rest to the one without", () => {
  const text = JSON.stringify(planFront(OPTIONS, "/run").bootstrap);
  expect(text).toContain('"exact":"v2"');
  expect(text).toContain('"route":{"cluster":"upstream-v2"}');
  expect(text).toContain('"match":{"prefix":"/"},"route":{"cluster":"upstream"}');
});

it("lets no client choose where no filter does", () => {
  const text = JSON.stringify(planFront({ ...OPTIONS, filters: [] }, "/run").bootstrap);
  expect(text).not.toContain("string_match");
});

it("delivers filters by files to run, and in place to read", () => {
  const plan = planFront(OPTIONS, "/run");
  expect(plan.filters.map((filter) => filter.path)).toEqual([
    "/run/filters/1-trace-headers/config.json",
    "/run/filters/2-header-routing/config.json",
  ]);
  expect(JSON.stringify(plan.bootstrap)).not.toContain("/build/");
  const text = JSON.stringify(frontConfiguration(OPTIONS));
  expect(text).toContain("/build/header-routing.wasm");
  expect(text).not.toContain("config_discovery");
});

it("knows the destinations that nobody serves", () => {
  expect(unservedDestinations(OPTIONS)).toEqual(["v3"]);
});
