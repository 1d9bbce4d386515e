// The whole chain, on request (`npm run test:kubernetes`): an API server with Istio's definitions
// and its webhook, stock istiod, an agent that is known by its account's token, and stock Envoy.

import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { send } from "../../kit/envoy/client.js";
import { startUpstream } from "../../kit/envoy/upstream.js";
import type { HeaderList } from "../../kit/traffic.js";
import { DEMO_FILTERS } from "../support/demo-filters.js";
import { BY_ROUTE_FILTERS, writeByRouteMesh } from "./support/by-route-mesh.js";
import { type ControlPlane, toYaml } from "./support/control-plane.js";
import { testFilters } from "./support/filter-tests.js";
import { guardedFolder } from "./support/folder.js";
import { GATEWAY, GATEWAY_ADDRESS, GATEWAY_LABELS, gatewayResources } from "./support/gateway-api.js";
import { pushImages } from "./support/images.js";
import { type Kubernetes, startKubernetes } from "./support/kubernetes.js";
import { onRequest } from "./support/on-request.js";
import { imageOption, render } from "./support/render.js";
import { eventually, startShop, wasmPlugin } from "./support/shop.js";
import { startStockIstiod } from "./support/stock-istiod.js";
import { startWorkload } from "./support/workload.js";

const START_MS = 400_000;
const DEMO_NAMESPACE = "demo";
const IMAGES = DEMO_FILTERS.flatMap(imageOption);
const DEMO = path.join(PACKAGE_ROOT, "compose/mesh.yaml");

describe.skipIf(!onRequest.isWanted)(`Kubernetes and stock istiod ${onRequest.how}`, () => {
  let kubernetes: Kubernetes;
  let control: ControlPlane;
  beforeAll(async () => {
    kubernetes = await startKubernetes();
    control = await startStockIstiod(kubernetes);
    kubernetes.kubectl(["create", "namespace", DEMO_NAMESPACE]);
  }, START_MS);
  afterAll(async () => {
    await control?.[Symbol.asyncDispose]();
    await kubernetes?.[Symbol.asyncDispose]();
  });

  describe("each filter", () => testFilters(() => startShop(control)));

  const tryOut = (text: string) =>
    kubernetes.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], text);
  const plugin = wasmPlugin({ name: "tried", url: "oci://localhost:1/mesh/x:1", config: {}, port: 80 });

  test("the API server takes a plugin, and refuses an unknown field and a second target", () => {
    expect(tryOut(stringify(plugin)).stdout).toContain("created (server dry run)");
    const { spec } = plugin;
    const unknown = { ...plugin, spec: { ...spec, config: {} } };
    expect(() => tryOut(stringify(unknown))).toThrow(/unknown field "spec.config"/);
    const targetRefs = [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "front" }];
    const two = { ...plugin, spec: { ...spec, targetRefs } };
    expect(() => tryOut(stringify(two))).toThrow(/only one of targetRefs or selector/);
  });

  test("istiod's webhook refuses what only Istio knows to be wrong", () => {
    const retries = { attempts: 1, retryOn: "bogus" };
    const service = {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "tried", namespace: "shop" },
      spec: { hosts: ["orders"], http: [{ route: [{ destination: { host: "orders" } }], retries }] },
    };
    expect(() => tryOut(stringify(service))).toThrow(/validation.istio.io.*denied.*bogus/s);
  });

  test.each([
    ["1.30 and before", ["--istio", "1.29"]],
    ["this one", ["--istio", "1.31"]],
    [
      "every release, with all that may be added",
      ["--with", "PeerAuthentication", "AuthorizationPolicy", "Telemetry"],
    ],
  ])("both take what render istio writes of the demo mesh for %s", async (_release, options) => {
    await expectTaken(await render(DEMO, ...IMAGES, "--namespace", DEMO_NAMESPACE, ...options));
  });

  test("both take filters by route", async () => {
    await using folder = await guardedFolder("by-route");
    const file = await writeByRouteMesh(folder.path);
    const images = BY_ROUTE_FILTERS.flatMap(imageOption);
    await expectTaken(await render(file, ...images, "--namespace", DEMO_NAMESPACE));
  });

  /** Without a warning but the known one. */
  async function expectTaken(text: string): Promise<void> {
    const { stdout, warnings } = tryOut(text);
    const documents = text.split(/^---$/m).filter((document) => document.trim() !== "").length;
    expect(stdout.match(/\(server dry run\)/g)).toHaveLength(documents);
    expect(warnings.filter((line) => !line.includes("exposes internal implementation details"))).toEqual([]);
  }

  test("a Gateway of the Gateway API is programmed, and routes by the filter's decision", async () => {
    await using images = await pushImages(["header-routing"]);
    await using v1 = await startUpstream({ name: "v1", address: "127.0.2.1" });
    await using v2 = await startUpstream({ name: "v2", address: "127.0.2.2" });
    const [port = 0] = await freePorts(1);
    const rule = {
      name: "gold",
      match: { headers: [{ name: "x-user-type", exact: "gold" }] },
      destination: "v2",
    };
    const ofGateway = {
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { name: GATEWAY, namespace: "shop" },
      spec: {
        targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: GATEWAY }],
        url: images.url("header-routing"),
        failStrategy: "FAIL_CLOSE",
        pluginConfig: { rules: [rule] },
      },
    };
    const account = control.identity?.account ?? "";
    await control.apply(toYaml(...gatewayResources({ port, orders: { v1, v2 }, account }), ofGateway));
    await using _front = await startWorkload({
      name: GATEWAY,
      kind: "router",
      control,
      labels: { ...GATEWAY_LABELS, "gateway.networking.k8s.io/gateway-name": GATEWAY },
      address: GATEWAY_ADDRESS,
    });
    const upstream = async (headers: HeaderList = []) =>
      JSON.parse((await send(`http://127.0.0.1:${port}`, { headers })).body).upstream;
    await eventually(async () => expect(await upstream([["x-user-type", "gold"]])).toBe("v2"));
    expect(await upstream()).toBe("v1");
    const conditions = (kind: string, place: string) =>
      kubernetes.kubectl([
        ...["get", kind, kind === "gateway" ? GATEWAY : "orders", "--namespace", "shop"],
        ...["-o", `jsonpath={range ${place}.conditions[*]}{.type}={.status} {end}`],
      ]).stdout;
    await eventually(async () => {
      expect(conditions("gateway", ".status")).toContain("Programmed=True");
      expect(conditions("httproute", ".status.parents[0]")).toMatch(/Accepted=True.*ResolvedRefs=True/);
    });
  });
});
