// Filters of the upstream chain: two kinds of patches, and everything that they replace.

import { describe, expect, test } from "vitest";
import { renderMeshText, resourceOf, SAMPLE_DIGEST, specOf } from "../../test/support/render-istio.js";
import type { IstioWords } from "./words.js";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const BUDGET = "{ filter: retry-budget, config: {} }";
const mesh = (orders: string, more = "") => `
name: shop
gateway: { routes: [{ prefix: /, service: web }] }
services:
  web: { versions: { v1: { command: web } }, calls: [orders] }
  orders: { versions: { v1: { command: a } }, ${orders} }
${more}
`;

interface Patch {
  readonly applyTo: string;
  readonly match?: { readonly context: string; readonly cluster: object };
  // biome-ignore lint/suspicious/noExplicitAny: tests look at single fields of what was rendered
  readonly patch: { readonly operation: string; readonly value: any };
}

const patchesOf = (text: string, name: string, existing: readonly unknown[] = []): readonly Patch[] =>
  specOf(renderMeshText(text, { namespace: "shop" }, existing), "EnvoyFilter", name).configPatches;

/** What the filter of an EnvoyFilter says of failures. */
function failures(words: IstioWords) {
  const rendered = renderMeshText(mesh(`filters: [${BUDGET}]`), { namespace: "shop", ...words });
  const [add] = specOf(rendered, "EnvoyFilter", "orders-attempts").configPatches as readonly Patch[];
  const { failure_policy, fail_open } = add?.patch.value.typed_config.config ?? {};
  return { failure_policy, fail_open };
}

test("a failure is said in the words of the release: Istio 1.24 has fail_open alone, and every one has it", () => {
  expect(failures({})).toEqual({ failure_policy: "FAIL_CLOSED" });
  expect(failures({ failStrategy: "FAIL_OPEN" })).toEqual({ fail_open: true });
  expect(failures({ istio: "1.24" })).toEqual({ fail_open: false });
  expect(failures({ istio: "1.24", failStrategy: "FAIL_OPEN" })).toEqual({ fail_open: true });
  expect(failures({ istio: "1.25", failStrategy: "FAIL_OPEN" })).toEqual({ failure_policy: "FAIL_OPEN" });
  expect(failures({ istio: "1.31" })).toEqual({ failure_policy: "FAIL_RELOAD" });
});

const optionsOf = ({ patch }: Patch) => patch.value.typed_extension_protocol_options[OPTIONS];

describe("the patches", () => {
  const [add, merge] = patchesOf(mesh(`filters: [${BUDGET}]`), "orders-attempts");

  test("the first is fetched by the agent from the image, by its digest", () => {
    expect(add).toMatchObject({ applyTo: "EXTENSION_CONFIG", patch: { operation: "ADD" } });
    const { name, typed_config } = add?.patch.value ?? {};
    expect(name).toBe("shop.orders-attempts.1.retry-budget");
    expect(typed_config.config.vm_config).toEqual({
      runtime: "envoy.wasm.runtime.v8",
      vm_id: name,
      code: {
        remote: {
          http_uri: {
            uri: `oci://registry.example/retry-budget@${SAMPLE_DIGEST}`,
            cluster: "_",
            timeout: "30s",
          },
          sha256: "ab".repeat(32),
        },
      },
    });
    expect(typed_config.config).not.toHaveProperty("configuration");
  });

  test("the second puts it before the codec, and takes what the agent puts in its place", () => {
    expect(merge).toMatchObject({
      applyTo: "CLUSTER",
      match: { context: "SIDECAR_OUTBOUND", cluster: { service: "orders.shop.svc.cluster.local" } },
      patch: { operation: "MERGE" },
    });
    const filters = merge === undefined ? [] : optionsOf(merge).http_filters;
    expect(filters.map(({ name }: { name: string }) => name)).toEqual([
      "shop.orders-attempts.1.retry-budget",
      "envoy.filters.http.upstream_codec",
    ]);
    expect(filters[0].config_discovery.type_urls).toEqual([
      "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
      "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
    ]);
  });

  test("clients do not get what is meant for the router", () => {
    const rendered = renderMeshText(mesh(`filters: [${BUDGET}]`));
    expect(specOf(rendered, "VirtualService", "orders").http[0].headers).toEqual({
      response: { remove: ["x-envoy-ratelimited"] },
    });
  });
});

describe("what the patch replaces is written again", () => {
  const [, plain] = patchesOf(mesh(`filters: [${BUDGET}]`), "orders-attempts");

  test("HTTP/1.1 and HTTP/2, as the service speaks", () => {
    expect(plain && optionsOf(plain).explicit_http_config).toEqual({ http_protocol_options: {} });
    for (const protocol of ["http2", "grpc"]) {
      const [, merge] = patchesOf(mesh(`protocol: ${protocol}, filters: [${BUDGET}]`), "orders-attempts");
      expect(merge && optionsOf(merge).explicit_http_config).toEqual({ http2_protocol_options: {} });
    }
  });

  const rule = (spec: object, namespace = "shop") => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "orders", namespace },
    spec,
  });
  const withRule = (spec: object, namespace?: string) =>
    patchesOf(mesh(`filters: [${BUDGET}]`), "orders-attempts", [rule(spec, namespace)]).slice(1);

  test.each(["orders", "orders.shop", "orders.shop.svc.cluster.local", "*.shop.svc.cluster.local"])(
    "the connection settings of a DestinationRule for %s",
    (host) => {
      const [merge] = withRule({
        host,
        trafficPolicy: {
          connectionPool: {
            http: { idleTimeout: "5s", maxRequestsPerConnection: 100, h2UpgradePolicy: "UPGRADE" },
            tcp: { maxConnectionDuration: "60s" },
          },
          tls: { mode: "SIMPLE" },
        },
      });
      expect(merge && optionsOf(merge)).toMatchObject({
        explicit_http_config: { http2_protocol_options: {} },
        common_http_protocol_options: {
          idle_timeout: "5s",
          max_requests_per_connection: 100,
          max_connection_duration: "60s",
        },
        upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
      });
    },
  );

  test("a DestinationRule of another host or namespace changes nothing", () => {
    const settings = { trafficPolicy: { connectionPool: { http: { idleTimeout: "5s" } } } };
    for (const [host, namespace] of [
      ["order", "shop"],
      ["orders", "test"],
      ["*.example", "shop"],
    ] as const) {
      const [merge] = withRule({ host, ...settings }, namespace);
      expect(merge && optionsOf(merge)).not.toHaveProperty("common_http_protocol_options");
    }
  });

  test("settings of a subset or a port get patches of their own, after the general one", () => {
    const merges = withRule({
      host: "orders",
      trafficPolicy: {
        connectionPool: { http: { idleTimeout: "5s" } },
        portLevelSettings: [{ port: { number: 81 }, connectionPool: { http: { idleTimeout: "7s" } } }],
      },
      subsets: [
        { name: "v1" },
        { name: "v2", trafficPolicy: { connectionPool: { http: { useClientProtocol: true } } } },
      ],
    });
    expect(merges.map(({ match }) => match?.cluster)).toEqual([
      { service: "orders.shop.svc.cluster.local" },
      { service: "orders.shop.svc.cluster.local", portNumber: 81 },
      { service: "orders.shop.svc.cluster.local", subset: "v2" },
    ]);
    expect(merges.map((merge) => optionsOf(merge).common_http_protocol_options)).toEqual([
      { idle_timeout: "5s" },
      { idle_timeout: "7s" },
      undefined,
    ]);
    expect(merges[2] && optionsOf(merges[2])).toHaveProperty("use_downstream_protocol_config");
  });

  test("mTLS by Istio's own certificates and an explicit name need nothing", () => {
    for (const tls of [{ mode: "ISTIO_MUTUAL" }, { mode: "SIMPLE", sni: "a.example" }, { mode: "DISABLE" }]) {
      const [merge] = withRule({ host: "orders", trafficPolicy: { tls } });
      expect(merge && optionsOf(merge)).not.toHaveProperty("upstream_http_protocol_options");
    }
  });

  test.each([
    [{ name: "http" }, "explicit_http_config"],
    [{ name: "grpc-web" }, "explicit_http_config"],
    [{ name: "web", appProtocol: "http2" }, "explicit_http_config"],
    [{ name: "web" }, "use_downstream_protocol_config"],
    [{}, "use_downstream_protocol_config"],
  ])("the protocol of the Service's port: %j", (port, key) => {
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "orders", namespace: "shop" },
      spec: { ports: [{ port: 8080, ...port }] },
    };
    const [, merge] = patchesOf(mesh(`filters: [${BUDGET}]`), "orders-attempts", [service]);
    expect(merge && optionsOf(merge)).toHaveProperty(key);
  });
});

describe("where they stand", () => {
  test("two filters of one cluster are one chain, in their order", () => {
    const fault = "{ filter: fault-injection, config: { where: upstream, rules: [] } }";
    const patches = patchesOf(mesh(`filters: [${fault}, ${BUDGET}]`), "orders-attempts");
    expect(patches.map(({ applyTo }) => applyTo)).toEqual([
      "EXTENSION_CONFIG",
      "EXTENSION_CONFIG",
      "CLUSTER",
    ]);
    const merge = patches[2];
    expect(
      merge && optionsOf(merge).http_filters.map(({ name }: { name: string }) => name.split(".").at(-1)),
    ).toEqual(["fault-injection", "retry-budget", "upstream_codec"]);
  });

  test("one at the gateway sees the attempts to all services, as one filter", () => {
    const file = mesh("filters: []").replace(
      "gateway: { routes: [{ prefix: /, service: web }] }",
      `gateway: { routes: [{ prefix: /o, service: orders }, { prefix: /, service: web }], filters: [${BUDGET}] }`,
    );
    const rendered = renderMeshText(file, { gatewayNamespace: "edge" });
    const resource = resourceOf(rendered.resources, "EnvoyFilter", "gateway-attempts");
    expect(resource?.metadata.namespace).toBe("edge");
    const { workloadSelector, configPatches } = specOf(rendered, "EnvoyFilter", "gateway-attempts");
    expect(workloadSelector).toEqual({ labels: { istio: "ingressgateway" } });
    expect(
      configPatches.map(({ applyTo, match }: Patch) => [applyTo, match?.context, match?.cluster]),
    ).toEqual([
      ["EXTENSION_CONFIG", undefined, undefined],
      ["CLUSTER", "GATEWAY", { service: "orders.default.svc.cluster.local" }],
      ["CLUSTER", "GATEWAY", { service: "web.default.svc.cluster.local" }],
    ]);
  });

  test("one before the app stands in the cluster of the app's port", () => {
    const file = mesh("filters: []", `filters: [{ filter: retry-budget, at: [inbound], config: {} }]`);
    const rendered = renderMeshText(file, { port: ["orders=80:9000"] });
    const { workloadSelector, configPatches } = specOf(rendered, "EnvoyFilter", "orders-app-attempts");
    expect(workloadSelector).toEqual({ labels: { app: "orders" } });
    expect(configPatches[1].match).toEqual({ context: "SIDECAR_INBOUND", cluster: { portNumber: 9000 } });
  });
});
