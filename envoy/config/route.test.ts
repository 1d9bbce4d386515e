import { expect, test } from "vitest";
import { MIRROR_HEADER } from "../../filters/header-routing/limits.js";
import { DESTINATION_HEADER, destinationRoutes, prefixRoute, virtualHost } from "./route.js";

test("each destination matches the whole header, and the fallback comes last and matches all", () => {
  const routes = destinationRoutes({
    destinations: { "orders-v1": "c1", "orders-v2": "c2" },
    fallback: "c1",
  });
  expect(routes.map((route) => [route.name, route.match.headers, route.route.cluster])).toEqual([
    ["orders-v1", [{ name: DESTINATION_HEADER, string_match: { exact: "orders-v1" } }], "c1"],
    ["orders-v2", [{ name: DESTINATION_HEADER, string_match: { exact: "orders-v2" } }], "c2"],
    ["(fallback)", undefined, "c1"],
  ]);
});

test("a name of a mirror has a route before that of each destination, but not to itself", () => {
  const routes = destinationRoutes({
    destinations: { v1: "c1", v2: "c2" },
    fallback: "c1",
    mirrors: { v2: "c2" },
    mirror: { cluster: "c3", percentage: 5 },
    upgradeClusters: { c1: "c1-upgrades" },
  });
  const copies = routes.map(({ name, match, route }) => [
    name,
    match.headers?.find((header) => header.name === MIRROR_HEADER),
    route.request_mirror_policies?.map(({ cluster, runtime_fraction }) => [
      cluster,
      runtime_fraction.default_value.numerator,
    ]),
  ]);
  const named = { name: MIRROR_HEADER, string_match: { exact: "v2" } };
  const some = ["c3", 50_000];
  expect(copies).toEqual([
    ["v1", undefined, [some]],
    ["v1", named, [some, ["c2", 1_000_000]]],
    ["v1", undefined, [some]],
    ["v2", undefined, [some]],
    ["(fallback)", undefined, [some]],
    ["(fallback)", named, [some, ["c2", 1_000_000]]],
    ["(fallback)", undefined, [some]],
  ]);
});

test("every route has the options of the action, and so has the fallback", () => {
  const routes = destinationRoutes({
    header: "x-version",
    destinations: { v2: "v2" },
    fallback: "v1",
    timeoutSeconds: 0,
    hostRewrite: "shop.example",
    retryPolicy: { retryOn: ["5xx", "reset"], perTryTimeoutSeconds: 0.5 },
  });
  expect(routes).toHaveLength(2);
  expect(routes[0]?.match.headers?.[0]?.name).toBe("x-version");
  for (const { route } of routes) {
    expect(route).toMatchObject({
      timeout: "0s",
      host_rewrite_literal: "shop.example",
      retry_policy: { retry_on: "5xx,reset", num_retries: 1, per_try_timeout: "0.5s" },
    });
  }
});

test("a virtual host serves every domain by default", () => {
  expect(virtualHost({ name: "all", routes: [] }).domains).toEqual(["*"]);
  expect(virtualHost({ name: "one", domains: ["orders"], routes: [] }).domains).toEqual(["orders"]);
  expect(virtualHost({ name: "one", routes: [] })).not.toHaveProperty("response_headers_to_remove");
});

test("a route by prefix has the same options of the action", () => {
  expect(prefixRoute({ name: "api", prefix: "/api", cluster: "c" })).toEqual({
    name: "api",
    match: { prefix: "/api" },
    route: { cluster: "c" },
  });
  const retryPolicy = { retryOn: ["5xx"], numRetries: 2 };
  expect(
    prefixRoute({ name: "a", prefix: "/", cluster: "c", timeoutSeconds: 1.5, retryPolicy }).route,
  ).toEqual({ cluster: "c", timeout: "1.5s", retry_policy: { retry_on: "5xx", num_retries: 2 } });
});
