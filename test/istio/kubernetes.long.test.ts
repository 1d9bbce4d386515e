// The whole chain, on request (`npm run test:kubernetes`): an API server with Istio's definitions
// and its webhook, stock istiod, an agent that is known by its account's token, and stock Envoy.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { testFilters } from "./support/filter-tests.js";
import { type Kubernetes, startKubernetes } from "./support/kubernetes.js";
import { onRequest } from "./support/on-request.js";
import { startShop, wasmPlugin } from "./support/shop.js";
import { startStockIstiod } from "./support/stock-istiod.js";

const START_MS = 400_000;

describe.skipIf(!onRequest.isWanted)(`Kubernetes and stock istiod ${onRequest.how}`, () => {
  let kubernetes: Kubernetes;
  beforeAll(async () => {
    kubernetes = await startKubernetes();
  }, START_MS);
  afterAll(() => kubernetes?.[Symbol.asyncDispose]());

  testFilters(() => startShop(() => startStockIstiod(kubernetes)));

  const plugin = wasmPlugin({ name: "tried", url: "oci://localhost:1/mesh/x:1", config: {}, port: 80 });
  const tryOut = (resource: object) => () =>
    kubernetes.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], stringify(resource));

  test("the API server takes a plugin, and refuses an unknown field and a second target", () => {
    expect(tryOut(plugin)().stdout).toContain("created (server dry run)");
    const { spec } = plugin;
    expect(tryOut({ ...plugin, spec: { ...spec, config: {} } })).toThrow(/unknown field "spec.config"/);
    const targetRefs = [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "front" }];
    expect(tryOut({ ...plugin, spec: { ...spec, targetRefs } })).toThrow(
      /only one of targetRefs or selector/,
    );
  });

  test("istiod's webhook refuses what only Istio knows to be wrong", () => {
    const http = [
      { route: [{ destination: { host: "orders" } }], retries: { attempts: 1, retryOn: "bogus" } },
    ];
    const service = {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "tried", namespace: "shop" },
      spec: { hosts: ["orders"], http },
    };
    expect(tryOut(service)).toThrow(/admission webhook "validation.istio.io" denied.*bogus/s);
  });
});
