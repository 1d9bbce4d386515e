// Filters that only some routes have: an EnvoyFilter puts them into the chain disabled, and enables
// them on these routes. test/istio shows that Envoy does it.

import { describe, expect, test } from "vitest";
import { namesOf, renderMeshText, specOf } from "../../test/support/render-istio.js";
import type { Rendered } from "../resource.js";

const LIMIT = (name: string) => `config: { rules: [{ name: ${name}, local: { limit: 5, unit: hour } }] }`;
const MESH = `
name: shop
gateway:
  routes: [{ prefix: /api, service: orders }, { prefix: /, service: web }]
  filters:
    - { filter: trace-headers, config: {} }
    - { filter: rate-limit, routes: [{ name: orders }, { prefix: /api/health, disabled: true }], ${LIMIT("api")} }
    - { filter: rate-limit, routes: [{ prefix: /login }], ${LIMIT("login")} }
services:
  web:
    versions: { v1: { command: web } }
    calls: [orders]
  orders:
    versions: { v1: { command: orders }, v2: { command: orders } }
    filters:
      - { filter: header-routing, routes: [{ prefix: /api/v }], config: { rules: [{ name: all, destination: v2 }] } }
      - filter: retry-budget
        routes: [{ prefix: /api }]
        config: { budgets: [{ name: all, ratio: { percentage: 20 } }] }
`;

interface Patch {
  readonly applyTo: string;
  readonly match?: {
    readonly context: string;
    // biome-ignore lint/suspicious/noExplicitAny: one of three kinds
    readonly [kind: string]: any;
  };
  readonly patch: {
    readonly operation: string;
    // biome-ignore lint/suspicious/noExplicitAny: another one for each kind of patch
    readonly value?: any;
  };
}

const patchesOf = (rendered: Rendered, name: string): readonly Patch[] =>
  specOf(rendered, "EnvoyFilter", name).configPatches;
const only = (patches: readonly Patch[], ...kinds: readonly string[]) =>
  patches.filter(({ applyTo }) => kinds.includes(applyTo));

/** The filters that each route, or virtual host, enables. */
function enabled(rendered: Rendered, name: string) {
  const patches = only(patchesOf(rendered, name), "HTTP_ROUTE", "VIRTUAL_HOST");
  return Object.fromEntries(
    patches.map(({ match, patch }) => {
      const { vhost } = match?.routeConfiguration ?? {};
      const ids = Object.keys(patch.value.typed_per_filter_config ?? {});
      const route = patch.value.name ?? [vhost.name, vhost.route?.name].filter(Boolean).join(" ");
      return [route, ids.map((id) => id.split(".").slice(-2).join("."))];
    }),
  );
}

describe("at the gateway", () => {
  const rendered = renderMeshText(MESH);
  const patches = patchesOf(rendered, "gateway-filters");

  test("all filters of the workload are one EnvoyFilter, for their order counts", () => {
    expect(namesOf(rendered, "WasmPlugin").filter((name) => name.startsWith("gateway"))).toEqual([]);
    const ids = only(patches, "EXTENSION_CONFIG").map(({ patch }) => patch.value.name);
    expect(ids).toEqual([
      "default.gateway-filters.1.trace-headers",
      "default.gateway-filters.2.rate-limit",
      "default.gateway-filters.3.rate-limit",
      "default.gateway-filters.4.header-routing",
    ]);
    const remote = only(patches, "EXTENSION_CONFIG")[1]?.patch.value.typed_config.config.vm_config.code
      .remote;
    expect(remote.http_uri.uri).toMatch(/^oci:\/\/registry\.example\/rate-limit@sha256:/);
  });

  test("those of some routes are disabled in the chain, the others are not", () => {
    const entries = only(patches, "HTTP_FILTER")
      .filter(({ match, patch }) => match?.listener.portNumber === 80 && patch.value?.config_discovery)
      .map(({ patch }) => [patch.value.name.split(".")[2], patch.value.disabled ?? false]);
    expect(entries).toEqual([
      ["1", false],
      ["2", true],
      ["3", true],
      ["4", true],
    ]);
  });

  test("routes enable them, the longest prefix first", () => {
    expect(enabled(rendered, "gateway-filters")).toEqual({
      "orders-v1:/api/v": ["2.rate-limit", "4.header-routing"],
      "orders-v2:/api/v": ["2.rate-limit", "4.header-routing"],
      "orders:/api/v": ["2.rate-limit", "4.header-routing"],
      "orders:/api": ["2.rate-limit"],
      "web:/login": ["3.rate-limit"],
    });
    const { http } = specOf(rendered, "VirtualService", "gateway");
    expect(http.map(({ name, match }: Record<string, never>) => [name, match])).toEqual([
      ["orders:/api/health", [{ uri: { prefix: "/api/health" } }]],
      ["orders-v1:/api/v", [withVersion("/api/v", "v1")]],
      ["orders-v2:/api/v", [withVersion("/api/v", "v2")]],
      ["orders:/api/v", [{ uri: { prefix: "/api/v" } }]],
      ["orders:/api", [{ uri: { prefix: "/api" } }]],
      ["web:/login", [{ uri: { prefix: "/login" } }]],
      ["web", [{ uri: { prefix: "/" } }]],
    ]);
  });

  test("no message of a route is empty, which the JSON of Istio's patches cannot say", () => {
    const [first] = only(patches, "HTTP_ROUTE");
    const type = (name: string) => ({ "@type": `type.googleapis.com/${name}` });
    expect(first?.patch.value.typed_per_filter_config["default.gateway-filters.2.rate-limit"]).toEqual({
      ...type("envoy.config.route.v3.FilterConfig"),
      is_optional: true,
      config: type("envoy.extensions.filters.http.wasm.v3.Wasm"),
    });
  });

  test("attempts have theirs by the same routes", () => {
    expect(Object.keys(enabled(rendered, "gateway-attempts"))).toEqual([
      "orders:/api/health",
      "orders-v1:/api/v",
      "orders-v2:/api/v",
      "orders:/api/v",
      "orders:/api",
    ]);
    const cluster = only(patchesOf(rendered, "gateway-attempts"), "CLUSTER")[0]?.patch.value;
    const [options] = Object.values(cluster.typed_extension_protocol_options) as { http_filters: object[] }[];
    expect(options?.http_filters[0]).toMatchObject({ disabled: true });
  });

  test("the place is after the check of tokens and before the first policy", () => {
    const steps = only(patches, "HTTP_FILTER")
      .filter(({ match }) => match?.listener.portNumber === 8080)
      .map(({ match, patch }) => [
        patch.operation,
        match?.listener.filterChain.filter.subFilter?.name,
        patch.value?.name,
      ]);
    const place = "default.gateway-filters.place";
    expect(steps.slice(0, 4)).toEqual([
      ["INSERT_BEFORE", "envoy.filters.http.router", place],
      ["INSERT_BEFORE", "envoy.filters.http.grpc_stats", place],
      ["INSERT_BEFORE", "envoy.filters.http.rbac", place],
      ["INSERT_BEFORE", place, "default.gateway-filters.1.trace-headers"],
    ]);
    expect(steps.at(-1)).toEqual(["REMOVE", place, undefined]);
  });

  test("--phase AUTHN puts them first", () => {
    const operations = only(
      patchesOf(renderMeshText(MESH, { phase: "AUTHN" }), "gateway-filters"),
      "HTTP_FILTER",
    )
      .filter(({ match }) => match?.listener.portNumber === 80)
      .map(({ match, patch }) => [patch.operation, match?.listener.filterChain.filter.subFilter?.name]);
    expect(operations.slice(0, 2)).toEqual([
      ["INSERT_FIRST", undefined],
      ["INSERT_AFTER", "default.gateway-filters.1.trace-headers"],
    ]);
  });
});

function withVersion(prefix: string, version: string) {
  return { uri: { prefix }, headers: { "x-mesh-destination": { exact: version } } };
}

describe("where sidecars call", () => {
  const HOST = "orders.default.svc.cluster.local:8080";

  test("the routes of the service enable them, in both chains", () => {
    const rendered = renderMeshText(MESH);
    expect(enabled(rendered, "web-filters")).toEqual({
      [`${HOST} orders-v1:/api/v`]: ["1.header-routing"],
      [`${HOST} orders-v2:/api/v`]: ["1.header-routing"],
      [`${HOST} orders:/api/v`]: ["1.header-routing"],
    });
    expect(enabled(rendered, "orders-attempts")[`${HOST} orders:/api`]).toEqual(["1.retry-budget"]);
    expect(enabled(rendered, "orders-attempts")[`${HOST} orders`]).toBeUndefined();
    // Where no filter chooses, only a client can have written the header.
    const { http } = specOf(rendered, "VirtualService", "orders");
    expect(http.map(({ name }: { name: string }) => name)).toEqual([
      "orders-v1:/api/v",
      "orders-v2:/api/v",
      "orders:/api/v",
      "orders:/api",
      "orders",
    ]);
  });
});

describe("services that are called through one listener of Istio", () => {
  const TWO = `
name: shop
gateway: { routes: [{ prefix: /, service: web }] }
services:
  web: { versions: { v1: { command: web } }, calls: [orders, stock] }
  stock: { versions: { v1: { command: stock } } }
  orders:
    versions: { v1: { command: orders }, v2: { command: orders } }
    filters: [{ filter: header-routing, config: { rules: [{ name: all, destination: v2 }] } }]
`;

  test("the virtual host of a service enables the filters of that service", () => {
    expect(enabled(renderMeshText(TWO), "web-filters")).toEqual({
      "orders.default.svc.cluster.local:8080": ["1.header-routing"],
    });
  });

  test("a port of its own lets a filter stand alone, as a WasmPlugin", () => {
    const rendered = renderMeshText(TWO, { port: ["orders=8081"] });
    expect(namesOf(rendered, "EnvoyFilter")).not.toContain("web-filters");
    expect(specOf(rendered, "WasmPlugin", "web-orders-header-routing").match).toEqual([
      { mode: "CLIENT", ports: [{ number: 8081 }] },
    ]);
  });

  test("at the gateway the routes to the service do", () => {
    const routed = TWO.replace(
      "[{ prefix: /, service: web }]",
      "[{ prefix: /o, service: orders }, { prefix: /, service: web }]",
    );
    expect(enabled(renderMeshText(routed, { port: ["orders=8081"] }), "gateway-filters")).toEqual({
      "orders-v1:/o": ["1.header-routing"],
      "orders-v2:/o": ["1.header-routing"],
      "orders:/o": ["1.header-routing"],
    });
  });
});

describe("before an app", () => {
  const FILE = `
name: shop
gateway: { routes: [{ prefix: /, service: web }] }
services: { web: { versions: { v1: { command: web } } } }
filters:
  - { filter: rate-limit, at: [inbound], routes: [{ prefix: /a }, { prefix: /a/b, disabled: true }], ${LIMIT("a")} }
  - { filter: retry-budget, at: [inbound], routes: [{ prefix: / }, { prefix: /a, disabled: true }], config: {} }
`;

  test("routes for some paths stand before Istio's own, and both chains have theirs there", () => {
    const rendered = renderMeshText(FILE, { port: ["web=80:9000"] });
    expect(enabled(rendered, "web-app-routes")).toEqual({
      default: ["1.retry-budget"],
      "default:/a": ["1.rate-limit"],
      "default:/a/b": [],
    });
    const inserted = only(patchesOf(rendered, "web-app-routes"), "HTTP_ROUTE").slice(1);
    expect(inserted.map(({ patch }) => [patch.operation, patch.value.match.prefix])).toEqual([
      // Each goes before the others, so that the longest is the first in the end.
      ["INSERT_FIRST", "/a"],
      ["INSERT_FIRST", "/a/b"],
    ]);
    expect(inserted[0]?.match).toEqual({
      context: "SIDECAR_INBOUND",
      routeConfiguration: { name: "inbound|9000||" },
    });
    expect(inserted[0]?.patch.value.route.cluster).toBe("inbound|9000||");
    const ids = (name: string) =>
      only(patchesOf(rendered, name), "EXTENSION_CONFIG").map(({ patch }) => patch.value.name);
    expect([...ids("web-filters"), ...ids("web-app-attempts")]).toEqual([
      "default.web-filters.1.rate-limit",
      "default.web-app-attempts.1.retry-budget",
    ]);
  });
});

test("a part that an earlier route of the gateway takes has no route of its own", () => {
  const file = MESH.replace("{ prefix: /login }", "{ prefix: /login }, { prefix: /api/health }");
  const { http } = specOf(renderMeshText(file), "VirtualService", "gateway");
  const names: readonly string[] = http.map(({ name }: { name: string }) => name);
  expect(names).not.toContain("web:/api/health");
  expect(new Set(names).size).toBe(names.length);
});
