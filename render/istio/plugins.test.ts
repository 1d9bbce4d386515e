// Where a mesh file's filters stand in Istio: which workloads, which direction and ports, in which
// order.

import { describe, expect, test } from "vitest";
import { namesOf, renderMeshText, SAMPLE_DIGEST, specOf } from "../../test/support/render-istio.js";

const MESH = `
name: shop
gateway:
  routes: [{ prefix: /, service: web }]
  filters:
    - { filter: rate-limit, config: { rules: [{ name: all, local: { limit: 5, unit: second } }] } }
services:
  web:
    versions: { v1: { command: web } }
    calls: [orders]
  orders:
    versions: { v1: { command: orders }, v2: { command: orders } }
    filters:
      - { filter: header-routing, config: { rules: [{ name: all, destination: v2 }] } }
filters:
  - { filter: fault-injection, at: [outbound], config: { rules: [] } }
  - { filter: trace-headers, at: [inbound, outbound], config: {} }
`;

describe("the workloads", () => {
  const rendered = renderMeshText(MESH);

  test("each has its own plugins, in the order of the file", () => {
    expect(namesOf(rendered, "WasmPlugin")).toEqual([
      "gateway-rate-limit",
      "gateway-fault-injection",
      "gateway-trace-headers",
      "web-fault-injection",
      "web-trace-headers",
      "web-orders-header-routing",
      "orders-trace-headers",
    ]);
    const priorities = (workload: string) =>
      namesOf(rendered, "WasmPlugin")
        .filter((name) => name.startsWith(workload))
        .map((name) => specOf(rendered, "WasmPlugin", name).priority);
    expect(priorities("gateway")).toEqual([1000, 990, 980]);
    expect(priorities("web")).toEqual([1000, 990, 980]);
  });

  test("every plugin says direction and port, and is before every AuthorizationPolicy", () => {
    for (const name of namesOf(rendered, "WasmPlugin")) {
      const { match, phase, selector } = specOf(rendered, "WasmPlugin", name);
      expect(phase).toBe("AUTHZ");
      expect(Object.keys(selector.matchLabels)).toHaveLength(1);
      expect(match.length).toBeGreaterThan(0);
      for (const { mode, ports } of match) {
        expect(["CLIENT", "SERVER"]).toContain(mode);
        expect(ports.length).toBeGreaterThan(0);
      }
    }
  });

  test("one entry of the file that stands in both directions is one plugin", () => {
    const options = { port: ["web=80:8000", "orders=81:9000"] };
    expect(specOf(renderMeshText(MESH, options), "WasmPlugin", "web-trace-headers")).toEqual({
      selector: { matchLabels: { app: "web" } },
      url: `oci://registry.example/trace-headers@${SAMPLE_DIGEST}`,
      imagePullPolicy: "IfNotPresent",
      failStrategy: "FAIL_CLOSE",
      phase: "AUTHZ",
      priority: 990,
      match: [
        { mode: "SERVER", ports: [{ number: 8000 }] },
        { mode: "CLIENT", ports: [{ number: 81 }] },
      ],
    });
  });
});

describe("a TrafficExtension", () => {
  test.each(["1.30", "1.31", "1.32.0", "v1.33"])("is written from Istio 1.30 on: %s", (istio) => {
    const rendered = renderMeshText(MESH, { istio });
    expect(namesOf(rendered, "WasmPlugin")).toEqual([]);
    const spec = specOf(rendered, "TrafficExtension", "web-orders-header-routing");
    expect(Object.keys(spec)).toEqual(["selector", "phase", "priority", "match", "wasm"]);
    expect(spec.wasm).toMatchObject({
      failStrategy: "FAIL_RELOAD",
      pluginConfig: { rules: [{ name: "all", destination: "v2" }] },
    });
    expect(rendered.warnings.some((line) => line.includes("newer than 1.32"))).toBe(istio === "v1.33");
  });

  test.each(["1.24", "1.26.3", "1.29"])("is not written for Istio %s, which is told", (istio) => {
    const rendered = renderMeshText(MESH, { istio });
    expect(namesOf(rendered, "TrafficExtension")).toEqual([]);
    expect(specOf(rendered, "WasmPlugin", "web-trace-headers").failStrategy).toBe("FAIL_CLOSE");
    expect(rendered.warnings.join("\n")).toContain(`Istio ${istio.slice(0, 4)} has no FAIL_RELOAD`);
  });

  test.each([
    ["1.23", "upgrade Istio"],
    ["2.0", "write a release of Istio"],
    ["latest", "write a release of Istio"],
    ["1", "write a release of Istio"],
  ])("Istio %s is refused", (istio, message) => {
    expect(() => renderMeshText(MESH, { istio })).toThrow(message);
  });
});

describe("the failure strategy", () => {
  const strategy = (words: object) =>
    specOf(renderMeshText(MESH, words), "WasmPlugin", "web-trace-headers").failStrategy;

  test("is what was asked for, where the release has it", () => {
    expect(strategy({ failStrategy: "FAIL_OPEN" })).toBe("FAIL_OPEN");
    expect(strategy({ failStrategy: "FAIL_RELOAD", istio: "1.28" })).toBe("FAIL_RELOAD");
  });

  test.each([{}, { istio: "1.24" }, { istio: "1.26" }])("FAIL_RELOAD is refused for %j", (words) => {
    expect(() => strategy({ failStrategy: "FAIL_RELOAD", ...words })).toThrow("FAIL_RELOAD");
  });

  test("what happens where the image is missing is said above each plugin", () => {
    const comment = (words: object) =>
      renderMeshText(MESH, words)
        .resources.find(({ kind }) => kind === "WasmPlugin")
        ?.comment.join(" ");
    expect(comment({})).toContain("every request gets 403");
    expect(comment({ failStrategy: "FAIL_OPEN" })).toContain("requests pass without the filter");
    expect(comment({})).toContain("After a trap requests get 503 until the proxy starts again");
  });
});

test("filters of the whole mesh keep the file's order, whichever listener has them first", () => {
  const swapped = MESH.replace("at: [outbound]", "at: [outbound, inbound]");
  expect(namesOf(renderMeshText(swapped), "WasmPlugin")).toContain("orders-fault-injection");
  const plugins = renderMeshText(MESH).resources.filter(({ metadata }) => metadata.name.startsWith("web-"));
  expect(plugins.findIndex(({ metadata }) => metadata.name === "web-fault-injection")).toBeLessThan(
    plugins.findIndex(({ metadata }) => metadata.name === "web-trace-headers"),
  );
});

test("one filter that stands at the gateway twice is two plugins with names of their own", () => {
  const both = MESH.replace("at: [inbound, outbound]", "at: [gateway, inbound, outbound]");
  const names = namesOf(renderMeshText(both), "WasmPlugin");
  expect(names.filter((name) => name.startsWith("gateway-trace"))).toEqual([
    "gateway-trace-headers",
    "gateway-trace-headers-2",
  ]);
  expect(new Set(names).size).toBe(names.length);
});

test("a service may have the name of the gateway, or of what is outside", () => {
  const file = MESH.replaceAll("orders", "gateway")
    .replace("v2: { command: gateway }", 'v2: { url: "http://a.example:81" }')
    .concat("  - { filter: retry-budget, at: [inbound, outbound], config: {} }\n")
    .concat('grpcServices: { gateway-v2: { url: "http://b.example:82" } }\n')
    .concat("identity: { mode: off }\n");
  const { resources } = renderMeshText(file);
  const keys = resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.filter((key) => key.startsWith("ServiceEntry gateway-v2-"))).toHaveLength(2);
  expect(keys.filter((key) => /^VirtualService gateway-[0-9a-f]{8}$/.test(key))).toHaveLength(2);
});

test("the gateway's namespace is asked for where nobody said it", () => {
  const told = (words: object) =>
    renderMeshText(MESH, words).warnings.filter((line) => line.includes("--gateway-namespace"));
  expect(told({ namespace: "shop" })).toEqual([
    expect.stringContaining("the gateway's filters are in the namespace shop, and select pods of it alone"),
  ]);
  expect(told({ gatewayNamespace: "istio-ingress" })).toEqual([]);
});

test("pods and namespaces are those of the cluster", () => {
  const rendered = renderMeshText(MESH, {
    namespace: "prod",
    appLabel: "app.kubernetes.io/name",
    versionLabel: "release",
    gateway: "edge",
    gatewayNamespace: "istio-ingress",
    gatewayPort: "443:8443",
  });
  expect(specOf(rendered, "WasmPlugin", "web-trace-headers").selector.matchLabels).toEqual({
    "app.kubernetes.io/name": "web",
  });
  expect(specOf(rendered, "DestinationRule", "orders").subsets[1]).toEqual({
    name: "v2",
    labels: { release: "v2" },
  });
  const gateway = rendered.resources.find(({ metadata }) => metadata.name === "gateway-rate-limit");
  expect(gateway?.metadata.namespace).toBe("istio-ingress");
  expect(gateway?.body.spec).toMatchObject({
    selector: { matchLabels: { istio: "edge" } },
    match: [{ mode: "CLIENT", ports: [{ number: 8443 }] }],
  });
  expect(
    rendered.resources.filter(({ kind }) => kind === "ConfigMap").map((each) => each.metadata.namespace),
  ).toEqual(["prod", "istio-ingress"]);
});
