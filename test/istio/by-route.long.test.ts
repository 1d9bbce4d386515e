// Filters by route under Istio, from what `meshwright render istio` writes: requests of other
// routes do not enter them, and every answer is that of `meshwright up`.

import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startMesh } from "../../compose/mesh/up.js";
import { send } from "../../kit/envoy/client.js";
import type { HeaderList } from "../../kit/traffic.js";
import { isMissing, needs } from "../support/tools.js";
import { BY_ROUTE_FILTERS, writeByRouteMesh } from "./support/by-route-mesh.js";
import { listenerFilters } from "./support/config-dump.js";
import { type Resource, toYaml } from "./support/control-plane.js";
import { guardedFolder } from "./support/folder.js";
import { pushImages } from "./support/images.js";
import { type ClusterPorts, clusterPorts, NAMESPACE, type Pods, startPods } from "./support/pods.js";
import { render } from "./support/render.js";
import { eventually } from "./support/shop.js";

const START_MS = 400_000;

/** Requests, and what each of the filters should do to them. */
const REQUESTS: readonly (readonly [what: string, path: string, headers: HeaderList])[] = [
  ["the version is chosen on its route", "/api/next/1", []],
  ["and not beside it", "/api/nex", []],
  ["where no filter chooses, a client does not either", "/api/other", [["x-mesh-destination", "v2"]]],
  ["attempts are aborted on their route", "/api/broken", []],
  ["and not on others", "/api/brok", []],
  ["a sidecar chooses on the route", "/api/next", [["x-call", "orders"]]],
  ["a sidecar's attempts are aborted", "/api/broken/2", [["x-call", "orders"]]],
  ["of two services with one listener, one has a filter", "/x", [["x-call", "stock"]]],
  ["and the other has not", "/x", [["x-call", "orders"]]],
  ["the app's sidecar writes a trace", "/traced/a", []],
  ["but not on a part of these paths", "/traced/not/a", []],
  ["and not on others", "/trace", []],
  ["attempts to the app are aborted", "/attempt/1", []],
];

describe.skipIf(isMissing("istio"))(`filters by route under Istio and under up ${needs("istio")}`, () => {
  const parts: AsyncDisposable[] = [];
  let pods: Pods;
  let ports: ClusterPorts;
  let rendered: string;
  let rerender: (missing: readonly string[], ...options: readonly string[]) => Promise<string>;
  let registry: string;
  let istio: string;
  let up: string;
  beforeAll(async () => {
    const images = await pushImages(BY_ROUTE_FILTERS);
    parts.push(images);
    const folder = await guardedFolder("by-route");
    parts.push(folder);
    const file = await writeByRouteMesh(folder.path);
    const found = await clusterPorts(file);
    const { orders, stock } = found.services;
    if (orders === undefined || stock === undefined) throw new Error("the mesh has orders and stock");
    ports = { ...found, services: { ...found.services, stock: { ...stock, port: orders.port } } };
    registry = images.registry;
    rerender = (missing, ...options) =>
      render(
        file,
        ...BY_ROUTE_FILTERS.flatMap((name) => {
          const url = missing.includes(name)
            ? `oci://${registry}/mesh/${name}@${NO_IMAGE}`
            : images.url(name);
          return ["--image", `${name}=${url}`];
        }),
        ...["--namespace", NAMESPACE, "--without", "Sidecar", "--gateway-port", String(ports.gateway)],
        ...Object.entries(ports.services).flatMap(([name, { port, target }]) => [
          "--port",
          `${name}=${port}:${target}`,
        ]),
        ...options,
      );
    rendered = await rerender([]);
    const gateway = { namespace: NAMESPACE, labels: { istio: "ingressgateway" } };
    pods = await startPods({ file, ports, rendered, gateway });
    parts.push(pods);
    istio = pods.gatewayUrl;
    await eventually(async () => expect((await answer(istio, "/api/next")).version).toBe("v2"));
    const mesh = await startMesh({ file, gatewayPort: 0, cwd: folder.path, onEvent: () => {} });
    parts.push({ [Symbol.asyncDispose]: () => mesh.stop() });
    up = mesh.plan.gatewayUrl;
  }, START_MS);
  afterAll(async () => {
    for (const part of parts.reverse()) await part[Symbol.asyncDispose]();
  });
  const admin = (name: string) => {
    const workload = pods.workloads.get(name);
    if (workload === undefined) throw new Error(`no workload is called ${name}`);
    return workload.admin;
  };

  test.each(REQUESTS)("%s: %s", async (_what, where, headers) => {
    const seen = await answer(istio, where, headers);
    expect(seen).toEqual(await answer(up, where, headers));
  });

  test("two routes have other settings of one filter, and others have none", async () => {
    const statuses = async (url: string, where: string, times: number) => {
      const all = await Promise.all(
        Array.from({ length: times }, () => send(url, { path: where, headers: [["x-user-id", where]] })),
      );
      return all.map(({ status }) => status).sort();
    };
    const before = await decisions();
    for (const url of [istio, up]) {
      expect(await statuses(url, "/login", 4)).toEqual([200, 200, 429, 429]);
      expect(await statuses(url, "/api/a", 5)).toEqual([200, 200, 200, 200, 429]);
      expect(await statuses(url, "/api/free", 6)).toEqual(Array(6).fill(200));
      expect(await statuses(url, "/other", 6)).toEqual(Array(6).fill(200));
    }
    // The other requests did not enter a filter, which would have counted them.
    const after = await decisions();
    const entered = (rule: string) => (after.get(rule) ?? 0) - (before.get(rule) ?? 0);
    expect([entered("login"), entered("api"), after.size]).toEqual([4, 5, 2]);
  });

  /** How often each limit was asked. */
  async function decisions(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const [name, value] of await admin("gateway").stats("meshwright.rate_limit.decisions_total")) {
      const rule = /;rule=([^;]+)/.exec(name)?.[1] ?? "";
      counts.set(rule, (counts.get(rule) ?? 0) + Number(value));
    }
    return counts;
  }

  test("the filters stand after the check of tokens and before the first policy", async () => {
    const ours = Array(3).fill("ours");
    const chain = async () => {
      const [filters = []] = listenerFilters(await admin("gateway").configDump(), ports.gateway);
      return filters;
    };
    expect((await chain()).slice(0, 4)).toEqual([...ours, "envoy.filters.http.grpc_stats"]);
    const verdicts = await pods.apply([rendered, toYaml(TOKENS, POLICY)].join("\n---\n"));
    expect(verdicts.filter(({ event }) => event === "refused")).toEqual([]);
    await eventually(async () =>
      expect((await chain()).slice(0, 5)).toEqual([
        "envoy.filters.http.jwt_authn",
        ...ours,
        "envoy.filters.http.rbac",
      ]),
    );
    await pods.apply([rendered, toYaml(POLICY)].join("\n---\n"));
    await eventually(async () =>
      expect((await chain()).slice(0, 4)).toEqual([...ours, "envoy.filters.http.rbac"]),
    );
    expect((await answer(istio, "/api/next")).version).toBe("v2");
  });

  test("where an image is missing, the routes of its filter alone get 403", async () => {
    await pods.apply(await rerender(["rate-limit", "fault-injection"]));
    await eventually(async () => expect((await answer(istio, "/login")).status).toBe(403));
    await eventually(async () => expect((await answer(istio, "/api/broken")).status).toBe(403));
    expect((await answer(istio, "/other")).status).toBe(200);
    expect((await answer(istio, "/api/free")).status).toBe(200);
  });

  // The form for every release says it by `fail_open`, and that for a newer one by a policy.
  test.each([[], ["--istio", "1.31"]])("or pass unfiltered with FAIL_OPEN %j", async (...options) => {
    await pods.apply(await rerender(["rate-limit", "fault-injection"]));
    await eventually(async () => expect((await answer(istio, "/login")).status).toBe(403));
    const open = ["--fail-strategy", "FAIL_OPEN", ...options];
    await pods.apply(await rerender(["rate-limit", "fault-injection"], ...open));
    await eventually(async () => {
      expect((await answer(istio, "/login")).status).toBe(200);
      expect((await answer(istio, "/api/broken")).status).toBe(200);
    });
    expect((await answer(istio, "/api/next")).version).toBe("v2");
  });
});

/** No image has this digest. */
const NO_IMAGE = `sha256:${"00".repeat(32)}`;

const GATEWAY = { selector: { matchLabels: { istio: "ingressgateway" } } };
/** Envoy takes no provider without a key. */
const KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const TOKENS: Resource = {
  apiVersion: "security.istio.io/v1",
  kind: "RequestAuthentication",
  metadata: { name: "tokens", namespace: NAMESPACE },
  spec: { ...GATEWAY, jwtRules: [{ issuer: "issuer", jwks: JSON.stringify({ keys: [KEY] }) }] },
};
const POLICY: Resource = {
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "all", namespace: NAMESPACE },
  spec: { ...GATEWAY, rules: [{ to: [{ operation: { paths: ["/*"] } }] }] },
};

interface Answer {
  readonly status: number;
  readonly version?: string;
  readonly body?: unknown;
}

async function answer(url: string, where: string, headers: HeaderList = []): Promise<Answer> {
  const response = await send(url, { path: where, headers });
  try {
    const body = JSON.parse(response.body) as { readonly version: string };
    return { status: response.status, version: body.version, body };
  } catch {
    return { status: response.status, body: response.body };
  }
}
