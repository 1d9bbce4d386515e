import { describe, expect, it } from "vitest";
import { catalogUse } from "../../test/support/catalog-use.js";
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
    catalogUse("trace-headers"),
    catalogUse("header-routing", {
      rules: [
        { name: "a", destination: "v2" },
        { name: "b", destination: "v3" },
      ],
    }),
  ],
  modulePath: (filter) => `/build/${filter}.wasm`,
};

it("sends a destination to the upstream with that name, and the rest to the one without a name", () => {
  const text = JSON.stringify(planFront(OPTIONS, "/run").bootstrap);
  expect(text).toContain('"exact":"v2"');
  expect(text).toContain('"route":{"cluster":"upstream-v2"}');
  expect(text).toContain('"match":{"prefix":"/"},"route":{"cluster":"upstream"}');
});

it("lets no client choose a destination when no filter does", () => {
  const text = JSON.stringify(planFront({ ...OPTIONS, filters: [] }, "/run").bootstrap);
  expect(text).not.toContain("string_match");
});

it("delivers filters as files to run, and inline to read", () => {
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
  const { bootstrap, filters } = planFront(options, "/run");
  const { clusters, listeners } = bootstrap.static_resources;
  const chain = (name: string) => JSON.stringify(clusters.find((cluster) => cluster.name === name));

  it("is in every upstream's chain, and neither in the listener's nor in a gRPC service's", () => {
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

  it("knows which attempt it sees, and may see as many as there are", () => {
    expect(JSON.stringify(listeners)).toContain('"include_request_attempt_count":true');
    expect(chain("upstream")).toContain('"max_retries":1024');
  });

  it("keeps its mark for the router from clients", () => {
    expect(JSON.stringify(listeners)).toContain('"response_headers_to_remove":["x-envoy-ratelimited"]');
    expect(JSON.stringify(planFront(OPTIONS, "/run").bootstrap)).not.toContain("response_headers_to_remove");
  });

  it("is in the same place in the printed configuration", () => {
    const printed = frontConfiguration(options).static_resources;
    expect(JSON.stringify(printed.clusters)).toContain("/build/retry-budget.wasm");
    expect(JSON.stringify(printed.listeners)).not.toContain("/build/retry-budget.wasm");
  });

  it("works with routes that retry, in each attempt", () => {
    const routes = JSON.stringify(listeners).split(
      '"timeout":"2s","retry_policy":{"retry_on":"5xx","num_retries":3}',
    );
    expect(routes).toHaveLength(3);
  });
});
