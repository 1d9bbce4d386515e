// What `meshwright render istio` writes: Istio's own checks find nothing in it, and the demo mesh
// answers under Istio as it does under `meshwright up`.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { startMesh } from "../../compose/mesh/up.js";
import { FILTERS } from "../../filters/catalog.js";
import { send } from "../../kit/envoy/client.js";
import type { HeaderList } from "../../kit/traffic.js";
import { DEMO_FILTERS, DEMO_MESH } from "../support/demo-filters.js";
import { isMissing, needs } from "../support/tools.js";
import { BY_ROUTE_FILTERS, writeByRouteMesh } from "./support/by-route-mesh.js";
import { complaints } from "./support/complaints.js";
import { clusterFilters, listenerFilters } from "./support/config-dump.js";
import type { ControlPlane } from "./support/control-plane.js";
import { type GuardedFolder, guardedFolder } from "./support/folder.js";
import { pushImages } from "./support/images.js";
import { startIstiodLite } from "./support/istiod-lite.js";
import { type ClusterPorts, clusterPorts, NAMESPACE, type Pods, startPods } from "./support/pods.js";
import { imageOption, render } from "./support/render.js";
import { eventually } from "./support/shop.js";

const START_MS = 400_000;
const RELEASES = ["1.24", "1.26", "1.28", "1.30", "1.31", "1.32"];
const EXTRAS = ["PeerAuthentication", "AuthorizationPolicy", "Telemetry", "outlierDetection"];

/** A configuration of each filter, in the chain where it is at home. */
const CONFIGS: Readonly<Record<string, object>> = {
  "header-routing": {
    rules: [
      { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
    ],
  },
  "trace-headers": { write: ["w3c", "b3-multi"] },
  "rate-limit": { rules: [{ name: "all", local: { limit: 100, unit: "second" } }] },
  "fault-injection": { rules: [{ name: "teapot", share: { percentage: 1 }, abort: { status: 418 } }] },
  "retry-budget": { budgets: [{ name: "all", ratio: { percentage: 20 } }] },
  "circuit-breaker": { rules: [{ name: "all" }] },
  fallback: { rules: [{ name: "all" }] },
  deadline: { trace: "outbound", rules: [{ name: "all", default: "1s" }] },
};

const IMAGES_BY_ROUTE = BY_ROUTE_FILTERS.flatMap(imageOption);
const IMAGES = DEMO_FILTERS.flatMap(imageOption);

describe.skipIf(isMissing("istio"))(
  `Istio's own checks of what render istio writes ${needs("istio")}`,
  () => {
    let folder: GuardedFolder;
    let control: ControlPlane;
    beforeAll(async () => {
      folder = await guardedFolder("render");
      control = await startIstiodLite();
      for (const [name, config] of Object.entries(CONFIGS))
        await writeFile(at(`${name}.yaml`), stringify(config));
      await writeFile(at("services.yaml"), SERVICES.map((each) => stringify(each)).join("---\n"));
    });
    afterAll(async () => {
      await control?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });
    const at = (name: string) => path.join(folder.path, name);

    const check = (text: string) =>
      complaints(text, { control, folder: folder.path, cluster: at("services.yaml") });

    test("they do find what is wrong", async () => {
      const text = await render(DEMO_MESH, ...IMAGES);
      expect(await check(text.replace("failStrategy:", "failStrategyy:"))).not.toEqual([]);
      expect(await check(text.replaceAll("subset: v2", "subset: v9"))).not.toEqual([]);
    });

    const releases: readonly (readonly [string, readonly string[]])[] = [
      ["every release", []],
      ...RELEASES.map((release) => [release, ["--istio", release]] as const),
      ["every release, with all that may be added", ["--with", ...EXTRAS]],
    ];
    test.each(releases)("the demo mesh for %s", async (_release, options) => {
      expect(await check(await render(DEMO_MESH, ...IMAGES, ...options))).toEqual([]);
    });

    test.each(releases)("filters by route for %s", async (_release, options) => {
      const file = await writeByRouteMesh(folder.path);
      expect(await check(await render(file, ...IMAGES_BY_ROUTE, ...options))).toEqual([]);
    });

    const callers = ["where orders is called", ["--for", "orders"]] as const;
    const inbound = ["before orders", ["--for", "orders", "--at", "inbound"]] as const;
    const gateway = ["at the gateway", ["--gateway", "ingressgateway"]] as const;
    const attempts = [
      "where the gateway calls orders",
      ["--gateway", "ingressgateway", "--for", "orders"],
    ] as const;
    const forms = [
      ...[
        "trace-headers",
        "rate-limit",
        "fault-injection",
        "circuit-breaker",
        "deadline",
        "fallback",
      ].flatMap((name) => [callers, inbound, gateway].map((place) => [name, ...place] as const)),
      ...[callers, gateway].map((place) => ["header-routing", ...place] as const),
      ...[callers, inbound, attempts].map((place) => ["retry-budget", ...place] as const),
    ];
    test("every filter has a form", () => {
      expect([...new Set(forms.map(([name]) => name))].sort()).toEqual(
        FILTERS.map(({ name }) => name).sort(),
      );
    });
    test.each(forms)("%s %s", async (name, _place, options) => {
      expect(
        await check(await render(`${name}=${at(`${name}.yaml`)}`, ...imageOption(name), ...options)),
      ).toEqual([]);
    });
  },
);

/** The demo's Services, which a cluster has and `render` does not write. */
const SERVICES = ["storefront", "orders", "payments", "stock", "web"].map((name) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { selector: { app: name }, ports: [{ name: name === "stock" ? "grpc" : "http", port: 8080 }] },
}));

/** Requests whose answers do not depend on chance or time. */
const REQUESTS: readonly (readonly [who: string, path: string, headers: HeaderList])[] = [
  ["a premium user", "/", [["x-user-type", "premium"]]],
  ["the beta group", "/", [["x-user-group", "beta"]]],
  ["the canary tester", "/", [["end-user", "canary-tester"]]],
  ["/api/v1", "/api/v1", []],
  ["/api/v2", "/api/v2/items?q=1", []],
  ["a premium user on /api/v1, by the order of the rules", "/api/v1", [["x-user-type", "premium"]]],
  ["a client that names the destination itself", "/api/v1", [["x-mesh-destination", "v2"]]],
  ["a user of the split", "/", [["x-user-id", "user-7"]]],
  ["another user of the split", "/", [["x-user-id", "user-11"]]],
  ["the user without luck, after the retries", "/", [["x-user-id", "user-4"]]],
  ["a trace of the caller's", "/api/v1", [["traceparent", `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`]]],
];

describe.skipIf(isMissing("istio"))(`the demo mesh under Istio and under up ${needs("istio")}`, () => {
  const parts: AsyncDisposable[] = [];
  let pods: Pods;
  let ports: ClusterPorts;
  let istio: string;
  let up: string;
  beforeAll(async () => {
    const images = await pushImages(DEMO_FILTERS);
    parts.push(images);
    ports = await clusterPorts(DEMO_MESH);
    const rendered = await render(
      DEMO_MESH,
      ...DEMO_FILTERS.flatMap((name) => ["--image", `${name}=${images.url(name)}`]),
      ...["--namespace", NAMESPACE, "--without", "Sidecar", "--gateway-port", String(ports.gateway)],
      ...Object.entries(ports.services).flatMap(([name, { port, target }]) => [
        "--port",
        `${name}=${port}:${target}`,
      ]),
    );
    const gateway = { namespace: NAMESPACE, labels: { istio: "ingressgateway" } };
    pods = await startPods({ file: DEMO_MESH, ports, rendered, gateway });
    parts.push(pods);
    istio = pods.gatewayUrl;
    await eventually(async () => expect((await answer(istio, "/", REQUESTS[0]?.[2])).status).toBe(200));
    const mesh = await startMesh({
      file: DEMO_MESH,
      gatewayPort: 0,
      cwd: path.dirname(DEMO_MESH),
      onEvent: () => {},
    });
    parts.push({ [Symbol.asyncDispose]: () => mesh.stop() });
    up = mesh.plan.gatewayUrl;
  }, START_MS);
  afterAll(async () => {
    for (const part of parts.reverse()) await part[Symbol.asyncDispose]();
  });

  test.each(REQUESTS)("%s gets the same answer", async (_who, where, headers) => {
    expect(await answer(istio, where, headers)).toEqual(await answer(up, where, headers));
  });

  test("each filter stands where it should, and the clusters' chains are whole", async () => {
    const dump = await pods.workloads.get("storefront-v1")?.admin.configDump();
    // trace-headers, header-routing, fallback and deadline, before what Istio adds.
    const [chain = []] = listenerFilters(dump, ports.services.orders?.port ?? 0);
    expect(chain.slice(0, 4)).toEqual(["ours", "ours", "ours", "ours"]);
    expect(chain.slice(4)).not.toContain("ours");
    expect(chain.at(-1)).toBe("envoy.filters.http.router");
    const clusters = clusterFilters(dump);
    expect([...clusters.keys()].filter((name) => name.includes("|v")).length).toBe(2);
    for (const filters of clusters.values())
      expect(filters).toEqual(["ours", "envoy.filters.http.upstream_codec"]);
  });

  test("the gateway's limit lets a user's burst pass, and no more", async () => {
    const burst = async (url: string) => {
      const user: HeaderList = [["x-user-id", "burst"]];
      const answers = await Promise.all(Array.from({ length: 60 }, () => send(url, { headers: user })));
      return answers.filter(({ status }) => status === 429).length;
    };
    for (const url of [istio, up]) {
      const refused = await burst(url);
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThanOrEqual(50);
    }
  });
});

/** The status, and which services and versions answered. */
async function answer(url: string, where: string, headers: HeaderList = []) {
  const response = await send(url, { path: where, headers });
  const trace = response.header("x-trace-id");
  const sent = headers.find(([name]) => name === "traceparent")?.[1].slice(3, 35);
  return {
    status: response.status,
    hasTrace: /^[0-9a-f]{32}$/.test(trace ?? ""),
    keepsTrace: sent === undefined || trace === sent,
    mark: response.header("x-envoy-ratelimited"),
    body: wayOf(response.body),
  };
}

/** Without ids of traces and what else is another one each time. */
function wayOf(body: string): unknown {
  const way = (node: Record<string, unknown>): unknown => ({
    service: node.service,
    version: node.version,
    status: node.status,
    calls: Object.fromEntries(
      Object.entries((node.calls ?? {}) as Record<string, Record<string, unknown>>).map(([name, called]) => [
        name,
        way(called),
      ]),
    ),
  });
  try {
    return way(JSON.parse(body));
  } catch {
    return body;
  }
}
