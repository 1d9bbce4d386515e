import { describe, expect, it } from "vitest";
import { catalogUse } from "../../test/support/catalog-use.js";
import { settingsOf } from "../chains.js";
import type { FrontOptions } from "./plan.js";
import { frontConfiguration, planFront, unchosenUpstreams, unservedDestinations } from "./plan.js";

const OPTIONS: FrontOptions = {
  port: 10_000,
  adminPort: 9901,
  upstreams: {
    fallback: { address: "127.0.0.1", port: 1 },
    named: { v2: { address: "localhost", port: 2 } },
  },
  filters: [
    catalogUse("trace-headers"),
    catalogUse("header-routing", {
      rules: [
        { name: "a", destination: "v2" },
        { name: "b", destination: "v3" },
      ],
    }),
  ],
  modulePath: ({ filter }) => `/build/${filter}.wasm`,
};

it("sends a destination to the upstream of that name, and all else to the one without a name", () => {
  const text = JSON.stringify(planFront(OPTIONS).bootstrap);
  expect(text).toContain('"exact":"v2"');
  expect(text).toContain('"route":{"cluster":"upstream-v2","timeout":"0s"}');
  expect(text).toContain('"match":{"prefix":"/"},"route":{"cluster":"upstream","timeout":"0s"}');
});

it("lets no client choose where no filter chooses, and has a cluster for each upstream nevertheless", () => {
  const { bootstrap } = planFront({ ...OPTIONS, filters: [] });
  expect(JSON.stringify(bootstrap)).not.toContain("string_match");
  expect(bootstrap.static_resources.clusters.map(({ name }) => name)).toEqual(["upstream", "upstream-v2"]);
  expect(unchosenUpstreams({ ...OPTIONS, filters: [] })).toEqual(["v2"]);
  expect(unchosenUpstreams(OPTIONS)).toEqual([]);
});

it("has filters discovered in a run, and in place for a reader", () => {
  const plan = planFront(OPTIONS);
  expect(plan.filters.map(({ name, resource }) => [name, resource.name])).toEqual([
    ["1-trace-headers", "1-trace-headers"],
    ["2-header-routing", "2-header-routing"],
  ]);
  expect(JSON.stringify(plan.bootstrap)).not.toContain("/build/");
  const text = JSON.stringify(frontConfiguration(OPTIONS));
  expect(text).toContain("/build/header-routing.wasm");
  expect(text).not.toContain("config_discovery");
});

describe("settings that name the cluster", () => {
  const { fallback } = OPTIONS.upstreams;
  const alone = { ...OPTIONS, upstreams: { fallback, named: {} }, filters: [catalogUse("retry-budget")] };
  const several: FrontOptions = { ...alone, upstreams: OPTIONS.upstreams };
  const over: FrontOptions = {
    ...alone,
    caFile: "/ca.pem",
    upstreams: { fallback: { address: "shop.test", port: 443, tls: true }, named: {} },
  };
  const discovered = (options: FrontOptions) =>
    JSON.stringify(planFront(options).filters.map(({ resource }) => resource));
  const inPlace = (options: FrontOptions) =>
    frontConfiguration(options).static_resources.clusters.map((cluster) => [
      cluster.name,
      /cluster\\":\\"([^\\]+)/.exec(JSON.stringify(cluster))?.[1],
    ]);

  it("are discovered where the upstream has one cluster", () => {
    expect(discovered(alone)).toContain('{\\"cluster\\":\\"upstream\\"}');
    expect(discovered(several)).not.toContain("cluster\\");
    expect(discovered(over)).not.toContain("cluster\\");
  });

  it("stand in each cluster's chain where they are in place, that of upgrades too", () => {
    expect(inPlace(several)).toEqual([
      ["upstream", "upstream"],
      ["upstream-v2", "upstream-v2"],
    ]);
    expect(inPlace(over)).toEqual([
      ["upstream", "upstream"],
      ["upstream/upgrades", "upstream/upgrades"],
    ]);
  });

  it("choose the module, and leave the plan's own settings as a person wrote them", () => {
    const asked: unknown[] = [];
    const modulePath: FrontOptions["modulePath"] = (use) => {
      asked.push(settingsOf(use));
      return "/build/x.wasm";
    };
    const { filters } = planFront({ ...alone, modulePath });
    expect(filters.map(({ config }) => config)).toEqual([{}]);
    expect(asked).toEqual([{ budgets: [{ name: "default", per: { cluster: "upstream" } }] }]);
  });
});

it("finds the destinations that no upstream serves", () => {
  expect(unservedDestinations(OPTIONS)).toEqual(["v3"]);
});

describe("a filter of the upstream chain", () => {
  const options: FrontOptions = {
    ...OPTIONS,
    filters: [...OPTIONS.filters, catalogUse("retry-budget")],
    grpcServices: { ratelimit: { address: "127.0.0.1", port: 3 } },
    route: { timeoutSeconds: 2, retryPolicy: { retryOn: ["5xx"], numRetries: 3 } },
  };
  const { bootstrap, filters } = planFront(options);
  const { clusters, listeners } = bootstrap.static_resources;
  const chain = (name: string) => JSON.stringify(clusters.find((cluster) => cluster.name === name));

  it("stands in every upstream's chain, and neither in the listener's nor in that of a gRPC service", () => {
    expect(clusters.map((cluster) => cluster.name)).toEqual(["upstream", "upstream-v2", "ratelimit"]);
    for (const name of ["upstream", "upstream-v2"]) expect(chain(name)).toContain('"name":"3-retry-budget"');
    expect(chain("ratelimit")).toContain("http2_protocol_options");
    expect(chain("ratelimit")).not.toContain("http_filters");
    expect(chain("ratelimit")).toContain('"max_pending_requests":65536,"max_requests":65536');
    expect(JSON.stringify(listeners)).not.toContain("retry-budget");
    expect(filters.map((filter) => filter.name)).toEqual([
      "1-trace-headers",
      "2-header-routing",
      "3-retry-budget",
    ]);
  });

  it("learns which attempt it sees, and Envoy does not limit the attempts", () => {
    expect(JSON.stringify(listeners)).toContain('"include_request_attempt_count":true');
    expect(chain("upstream")).toContain('"max_retries":1024');
  });

  it("does not show clients its mark for the router", () => {
    expect(JSON.stringify(listeners)).toContain('"response_headers_to_remove":["x-envoy-ratelimited"]');
    expect(JSON.stringify(planFront(OPTIONS).bootstrap)).not.toContain("response_headers_to_remove");
  });

  it("stands in the same place in the printed configuration", () => {
    const printed = frontConfiguration(options).static_resources;
    expect(JSON.stringify(printed.clusters)).toContain("/build/retry-budget.wasm");
    expect(JSON.stringify(printed.listeners)).not.toContain("/build/retry-budget.wasm");
  });

  it("goes with routes that try again, each of them", () => {
    const routes = JSON.stringify(listeners).split(
      '"timeout":"2s","retry_policy":{"retry_on":"5xx","num_retries":3}',
    );
    expect(routes).toHaveLength(3);
  });
});
