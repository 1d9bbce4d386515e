import { describe, expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { type MeshPlanOptions, portNames } from "./addresses.js";
import { planFilters, planMesh } from "./plan.js";
import { meshSchema } from "./schema.js";
import type { Mesh } from "./shape.js";

const SCHEMA = meshSchema(FILTERS);

const routing = (destination: string) => ({ rules: [{ name: "all", destination }] });
const orders = {
  versions: {
    v1: { command: ["node", "orders.js"], env: { LEVEL: 3 }, cwd: "apps" },
    v2: { url: "http://10.0.0.7:9000" },
  },
  default: "v2",
  calls: ["gift-cards"],
};

function mesh(changes: object = {}): Mesh {
  return SCHEMA.parse({
    name: "shop",
    gateway: {
      routes: [
        { prefix: "/orders", service: "orders" },
        { prefix: "/", service: "front" },
      ],
    },
    services: {
      front: { versions: { v1: { command: "exec ./front --fast" } }, calls: ["orders"] },
      orders: { ...orders, filters: [{ filter: "header-routing", config: routing("v1") }] },
      "gift-cards": { versions: { v1: { command: ["cards"] } } },
    },
    filters: [{ filter: "trace-headers", at: ["gateway", "inbound"] }],
    ...changes,
  });
}

function options(of: Mesh): MeshPlanOptions {
  return {
    directory: "/run",
    home: "/home/mesh",
    ports: new Map(portNames(of).map((name, i) => [name, 20_000 + i])),
    modulePath: ({ filter }) => `/build/${filter}.wasm`,
    caFile: "/ca.pem",
  };
}

const plan = (of: Mesh) => planMesh(of, options(of));
const envoy = (of: Mesh, name: string) => plan(of).envoys.find((each) => each.name === name);
const listener = (of: Mesh, name: string, hop: string) =>
  JSON.stringify(envoy(of, name)?.bootstrap.static_resources.listeners.find((each) => each.name === hop));

describe("planMesh", () => {
  it("gives the gateway and each version an Envoy, and every Envoy its listeners", () => {
    const listeners = plan(mesh()).envoys.map((each) => [
      each.name,
      each.bootstrap.static_resources.listeners.map((one) => one.name),
    ]);
    expect(listeners).toEqual([
      ["gateway", ["public", "outbound-orders", "outbound-front"]],
      ["front_v1", ["inbound", "outbound-orders"]],
      ["orders_v1", ["inbound", "outbound-gift-cards"]],
      ["orders_v2", ["inbound", "outbound-gift-cards"]],
      ["gift-cards_v1", ["inbound"]],
    ]);
  });

  it("asks for each port once and gives no port twice", () => {
    const names = portNames(mesh());
    expect(new Set(names).size).toBe(names.length);
    expect(names[0]).toBe("gateway public");
    const ports = plan(mesh()).envoys.flatMap((each) => [
      each.bootstrap.admin.address.socket_address.port_value,
      ...each.bootstrap.static_resources.listeners.map((one) => one.address.socket_address.port_value),
    ]);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it("gives an app its port, its name and the addresses to call", () => {
    const ports = options(mesh()).ports;
    const services = plan(mesh()).services;
    expect(services.find((service) => service.name === "orders_v1")?.start).toEqual({
      command: "node",
      args: ["orders.js"],
      cwd: "/home/mesh/apps",
      env: {
        LEVEL: "3",
        PORT: String(ports.get("orders_v1 app")),
        SERVICE_NAME: "orders",
        SERVICE_VERSION: "v1",
        GIFT_CARDS_URL: `http://127.0.0.1:${ports.get("orders_v1 outbound-gift-cards")}`,
      },
    });
    expect(services.find((service) => service.name === "front_v1")?.start).toMatchObject({
      command: "/bin/sh",
      args: ["-c", "exec ./front --fast"],
      cwd: "/home/mesh",
    });
  });

  it("leads to the address of a service that already runs", () => {
    expect(plan(mesh()).services.find((service) => service.name === "orders_v2")).toEqual({
      service: "orders",
      version: "v2",
      name: "orders_v2",
      address: { address: "10.0.0.7", port: 9000 },
      url: "http://10.0.0.7:9000",
      calls: { GIFT_CARDS_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) },
    });
    expect(JSON.stringify(envoy(mesh(), "orders_v2")?.bootstrap)).toContain(
      '"address":"10.0.0.7","port_value":9000',
    );
  });

  it("routes by the destination header where a filter chooses, and otherwise to the default", () => {
    const chosen = listener(mesh(), "front_v1", "outbound-orders");
    expect(chosen).toContain('{"name":"x-mesh-destination","string_match":{"exact":"v1"}}');
    expect(chosen).toContain(
      '"name":"(fallback)","match":{"prefix":"/"},"route":{"cluster":"orders_v2","timeout":"0s"}',
    );
    expect(listener(mesh(), "orders_v1", "outbound-gift-cards")).not.toContain("string_match");
  });

  it("routes by the header that the filter names", () => {
    const config = { ...routing("v1"), destinationHeader: "x-to" };
    const named = mesh({
      services: {
        ...mesh().services,
        orders: { ...orders, filters: [{ filter: "header-routing", config }] },
      },
    });
    expect(listener(named, "gateway", "outbound-orders")).toContain('{"name":"x-to","string_match"');
  });

  it("keeps a choice at the gateway's public listener for the next listener", () => {
    const atTheDoor = mesh({
      gateway: {
        routes: [{ prefix: "/", service: "orders" }],
        filters: [{ filter: "header-routing", config: routing("v1") }],
      },
      services: { orders: { ...orders, calls: [] } },
    });
    expect(listener(atTheDoor, "gateway", "outbound-orders")).toContain("string_match");
  });

  it("gives every filter a file in a folder of its own", () => {
    const filters = planFilters(mesh(), options(mesh()));
    expect(filters.map(({ envoy, filter }) => `${envoy}/${filter.name}`)).toEqual([
      "gateway/public_1_trace-headers",
      "gateway/outbound-orders_1_header-routing",
      "front_v1/inbound_1_trace-headers",
      "front_v1/outbound-orders_1_header-routing",
      "orders_v1/inbound_1_trace-headers",
      "orders_v2/inbound_1_trace-headers",
      "gift-cards_v1/inbound_1_trace-headers",
    ]);
    expect(JSON.stringify(filters[1]?.filter.resource)).toContain("/build/header-routing.wasm");
    expect(listener(mesh(), "gateway", "outbound-orders")).toContain('"outbound-orders_1_header-routing"');
  });

  it("puts Envoy's own filters into the listener's chain, in their place and without a file", () => {
    const native = (name: string) => ({
      filter: "native",
      config: {
        name,
        typed_config: { "@type": "type.googleapis.com/a.B" },
        per_route_config: { "@type": "type.googleapis.com/a.C" },
      },
    });
    const filters = [native("one"), { filter: "trace-headers" }, native("two")];
    const placed = mesh({ gateway: { routes: [{ prefix: "/", service: "orders" }], filters }, filters: [] });
    expect(
      [
        ...(listener(placed, "gateway", "public") ?? "").matchAll(/"name":"(one|two|public_\d_[a-z-]+)"/g),
      ].map(([, name]) => name),
    ).toEqual(["one", "public_2_trace-headers", "two"]);
    expect(listener(placed, "gateway", "public")).toContain(
      '"typed_per_filter_config":{"one":{"@type":"type.googleapis.com/a.C"},"two":',
    );
    expect(envoy(placed, "gateway")?.filters.map(({ name }) => name)).toEqual([
      "one",
      "public_2_trace-headers",
      "two",
      "outbound-orders_1_header-routing",
    ]);
    expect(listener(placed, "gateway", "public")).not.toContain('a.B",');
    // Envoy would take one configuration for both.
    const filters2 = [native("one"), native("one")];
    const twice = {
      gateway: { routes: [{ prefix: "/", service: "orders" }], filters: filters2 },
      filters: [],
    };
    expect(
      listener(mesh(twice), "gateway", "public")?.split('"typed_config":{"@type":"type.googleapis.com/a.B"}'),
    ).toHaveLength(3);
    expect(envoy(mesh(twice), "gateway")?.filters.map(({ name }) => name)).toEqual([
      "outbound-orders_1_header-routing",
    ]);
  });

  it("puts the mesh's filters before a service's own", () => {
    const both = mesh({ filters: [{ filter: "trace-headers", at: ["outbound"] }] });
    expect(envoy(both, "front_v1")?.filters.map((filter) => filter.name)).toEqual([
      "outbound-orders_1_trace-headers",
      "outbound-orders_2_header-routing",
    ]);
  });
});

describe("a service that speaks HTTP/2", () => {
  const speaking = (service: object) =>
    mesh({
      gateway: { routes: [{ prefix: "/", service: "orders" }], address: "::", escapedSlashes: "keep" },
      services: { orders: { ...orders, calls: [], ...service } },
      listeners: { http10: true, mergeSlashes: false, idleTimeout: "1h", maxStreamDuration: "2h" },
      httpServices: { keys: { url: "https://keys.example" } },
      filters: [],
    });
  const planned = (service: object) =>
    planMesh(speaking(service), { ...options(speaking(service)), caFile: "/ca.pem" });
  const http2Clusters = (service: object) =>
    planned(service).envoys.map(({ name, bootstrap: { static_resources } }) => [
      name,
      static_resources.clusters
        .filter((cluster) => JSON.stringify(cluster).includes('explicit_http_config":{"http2_'))
        .map((cluster) => cluster.name),
    ]);

  it.each([
    { protocol: "http2" },
    { protocol: "grpc" },
    { versions: { v1: { command: "x" }, v2: { url: "h2c://10.0.0.7:9000" } } },
  ])("is called over HTTP/2 at every hop, %j", (service) => {
    expect(http2Clusters(service)).toEqual([
      ["gateway", ["outbound-orders", "orders_v1", "orders_v2"]],
      ["orders_v1", ["app"]],
      ["orders_v2", ["app"]],
    ]);
    const counted = planned(service).envoys[0]?.bootstrap.static_resources.listeners.map((each) =>
      JSON.stringify(each).includes("grpc_stats"),
    );
    expect(counted).toEqual([false, true]);
  });

  it("is one only where it says so", () => {
    expect(http2Clusters({}).flatMap(([, names]) => names)).toEqual([]);
  });

  it("takes what listeners are told, and Envoys know the HTTP services that filters call", () => {
    const [gateway, sidecar] = planned({ protocol: "grpc" }).envoys;
    expect(planned({}).gatewayUrl).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const [door, outbound] = gateway?.bootstrap.static_resources.listeners ?? [];
    expect(JSON.stringify(door)).toContain('"path_with_escaped_slashes_action":"KEEP_UNCHANGED"');
    expect(door?.address.socket_address).toMatchObject({ address: "::", ipv4_compat: true });
    expect(outbound?.address.socket_address).toMatchObject({ address: "127.0.0.1" });
    for (const listener of [door, outbound, sidecar?.bootstrap.static_resources.listeners[0]]) {
      const text = JSON.stringify(listener);
      expect(text).toContain('"merge_slashes":false');
      expect(text).toContain('"accept_http_10":true');
      expect(text).toContain('"stream_idle_timeout":"3600s"');
      expect(text).toContain('"max_stream_duration":"7200s"');
    }
    expect(sidecar?.bootstrap.static_resources.clusters.map(({ name }) => name)).toEqual(["app", "keys"]);
  });
});

describe("filters of the upstream chain", () => {
  const budget = { filter: "retry-budget", config: {} };
  const placedBefore = (service: object) =>
    mesh({
      gateway: { routes: [{ prefix: "/", service: "orders" }], filters: [budget] },
      services: {
        ...mesh().services,
        orders: { ...service, timeout: "2s", retries: { on: ["5xx"], attempts: 2 }, filters: [budget] },
      },
      grpcServices: { limits: { url: "http://127.0.0.1:8081" } },
      filters: [{ ...budget, at: ["inbound"] }],
    });
  const placed = placedBefore(orders);
  /** The filters in the chains of an Envoy's clusters. */
  const chains = (name: string) =>
    Object.fromEntries(
      (envoy(placed, name)?.bootstrap.static_resources.clusters ?? []).map((cluster) => [
        cluster.name,
        [...JSON.stringify(cluster).matchAll(/"name":"([a-z-]+_\d_retry-budget)"/g)].map((match) => match[1]),
      ]),
    );

  it("stand where attempts are made: behind the callers' listeners and before the app", () => {
    expect(chains("front_v1")).toEqual({
      app: ["inbound_1_retry-budget"],
      orders_v1: ["outbound-orders_1_retry-budget"],
      orders_v2: ["outbound-orders_1_retry-budget"],
      limits: [],
    });
  });

  it("get the name of the cluster where they stand in the chain of one", () => {
    const single = placedBefore({ versions: { v1: { url: "https://shop.test" } } });
    const told = (of: Mesh, name: string) =>
      (envoy(of, name)?.filters ?? []).map((filter) => [
        filter.name,
        /cluster\\":\\"([^\\]+)/.exec(JSON.stringify(filter.resource))?.[1],
      ]);
    expect(told(placed, "gateway")).toEqual([
      ["public_1_retry-budget", undefined],
      ["outbound-orders_1_retry-budget", undefined],
    ]);
    expect(told(single, "gateway")).toEqual([
      ["public_1_retry-budget", "orders_v1"],
      ["outbound-orders_1_retry-budget", "orders_v1"],
    ]);
    expect(told(single, "front_v1")).toEqual([
      ["inbound_1_retry-budget", "app"],
      ["outbound-orders_1_retry-budget", "orders_v1"],
    ]);
    // Upgraded connections to an app that speaks TLS have a cluster of their own.
    expect(told(single, "orders_v1")).toEqual([["inbound_1_retry-budget", undefined]]);
    const live = planFilters(single, { ...options(single), ports: new Map() });
    expect(live.map(({ filter }) => filter.resource)).toEqual(
      plan(single).envoys.flatMap(({ filters }) => filters.map(({ resource }) => resource)),
    );
  });

  it("of the gateway come before a service's own, and not at its public listener, which repeats nothing", () => {
    const both = ["public_1_retry-budget", "outbound-orders_1_retry-budget"];
    expect(chains("gateway")).toEqual({
      "outbound-orders": [],
      orders_v1: both,
      orders_v2: both,
      limits: [],
    });
  });

  it("are in no listener's chain, and clients do not get their mark for the router", () => {
    for (const name of ["outbound-orders", "inbound"]) {
      const text = listener(placed, "front_v1", name);
      expect(text).not.toContain("retry-budget");
      expect(text).toContain('"response_headers_to_remove":["x-envoy-ratelimited"]');
      expect(text).toContain('"include_request_attempt_count":true');
    }
    expect(listener(placed, "gateway", "public")).not.toContain("response_headers_to_remove");
  });

  it("see the attempts of the service's retries, which its callers alone make; its timeout holds at every hop", () => {
    const retries = '"retry_policy":{"retry_on":"5xx","num_retries":2';
    for (const [name, hop] of [
      ["gateway", "outbound-orders"],
      ["front_v1", "outbound-orders"],
    ] as const) {
      expect(listener(placed, name, hop)).toContain(`"timeout":"2s",${retries}`);
    }
    for (const [name, hop] of [
      ["gateway", "public"],
      ["orders_v1", "inbound"],
    ] as const) {
      expect(listener(placed, name, hop)).toContain('"timeout":"2s"');
      expect(listener(placed, name, hop)).not.toContain("retry_policy");
    }
    expect(listener(placed, "front_v1", "inbound")).toContain('"timeout":"0s"');
  });

  it("may call services over HTTP/2, which every Envoy knows", () => {
    for (const each of plan(placed).envoys) {
      const cluster = each.bootstrap.static_resources.clusters.find(({ name }) => name === "limits");
      expect(JSON.stringify(cluster)).toContain("http2_protocol_options");
    }
    expect(plan(placed).grpcServices).toEqual({ limits: { address: "127.0.0.1", port: 8081 } });
  });
});
