// What counts as a difference between what was rendered and what a cluster has.

import { describe, expect, test } from "vitest";
import type { Resource } from "../resource.js";
import { compare } from "./compare.js";
import { liveResources } from "./live.js";

const RENDERED: Resource = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name: "orders", namespace: "shop", labels: { "app.kubernetes.io/managed-by": "meshwright" } },
  body: { spec: { hosts: ["orders"], http: [{ timeout: "3s", retries: { attempts: 0 } }] } },
  comment: ["Calls of orders."],
};

/** As `kubectl get -o yaml` gives it. */
const LIVE = {
  kind: "VirtualService",
  apiVersion: "networking.istio.io/v1",
  metadata: {
    uid: "5d3c",
    resourceVersion: "123",
    generation: 4,
    creationTimestamp: "2026-11-01T00:00:00Z",
    managedFields: [{ manager: "kubectl" }],
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    namespace: "shop",
    labels: { "app.kubernetes.io/managed-by": "meshwright" },
    name: "orders",
  },
  spec: { http: [{ retries: { attempts: 0 }, timeout: "3s" }], hosts: ["orders"] },
  status: { conditions: [{ type: "Reconciled" }] },
};

const differences = (live: unknown, rendered: readonly Resource[] = [RENDERED]) =>
  compare(rendered, liveResources(live));

describe("nothing differs", () => {
  test("by managed fields, status, what kubectl notes, and the order of keys", () => {
    expect(differences(LIVE)).toEqual({ text: "", summary: [], differs: false });
  });

  test("in a list of lists", () => {
    const list = { apiVersion: "v1", kind: "List", items: [{ kind: "VirtualServiceList", items: [LIVE] }] };
    expect(differences(list).differs).toBe(false);
  });

  test("by the version of the API in which the cluster gives it", () => {
    expect(differences({ ...LIVE, apiVersion: "networking.istio.io/v1beta1" }).differs).toBe(false);
    expect(differences({ ...LIVE, apiVersion: "networking.istio.io/v2" }).differs).toBe(false);
  });

  test("by what an API server writes where nothing was written", () => {
    const route = (backend: object): Resource => ({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "r" },
      body: { spec: { rules: [{ backendRefs: [{ name: "a", port: 80, ...backend }] }] } },
      comment: [],
    });
    const { body, comment: _, ...names } = route({ group: "", kind: "Service", weight: 1 });
    expect(differences({ ...names, ...body }, [route({})]).differs).toBe(false);
    const { body: other } = route({ weight: 2 });
    expect(differences({ ...names, ...other }, [route({})]).differs).toBe(true);
  });
});

test("what differs is shown as a unified diff, from what exists to what was rendered", () => {
  const live = { ...LIVE, spec: { ...LIVE.spec, http: [{ timeout: "5s", retries: { attempts: 0 } }] } };
  const { text, summary, differs } = differences(live);
  expect(differs).toBe(true);
  expect(summary).toEqual(["changed: VirtualService shop/orders"]);
  expect(text).toMatch(
    /^--- existing VirtualService shop\/orders\n\+\+\+ rendered VirtualService shop\/orders\n@@/,
  );
  expect(text).toContain("\n-      timeout: 5s\n+      timeout: 3s\n");
});

test("the order of a list counts, because routes are tried in order", () => {
  const routes = [{ name: "a" }, { name: "b" }];
  const live = { ...LIVE, spec: { http: routes } };
  const rendered = { ...RENDERED, body: { spec: { http: routes.toReversed() } } };
  expect(differences(live, [rendered]).differs).toBe(true);
});

test("a resource of the same name in another namespace is another one, and is told", () => {
  const { summary } = differences({ ...LIVE, metadata: { ...LIVE.metadata, namespace: "test" } });
  expect(summary).toEqual([
    "new: VirtualService shop/orders; one of this name is in namespace test",
    "not rendered, and not compared: VirtualService test/orders",
  ]);
});

test("a kind of another group, and one that nobody knows, is not the same", () => {
  const { summary } = differences({ ...LIVE, apiVersion: "example.com/v1" });
  expect(summary[0]).toBe("new: VirtualService shop/orders");
});

test("what is no resource is passed over", () => {
  for (const odd of [null, 7, "text", [], {}, { kind: "List" }, { apiVersion: "v1", kind: "X" }]) {
    expect(liveResources(odd)).toEqual([]);
  }
});
