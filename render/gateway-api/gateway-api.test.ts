// What `render gateway-api` writes of a mesh file's gateway and of filters' files, and what it
// refuses.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runMain } from "../../test/integration/commands/run-main.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "render-gateway-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const IMAGES = ["--registry", "registry.example/mesh"];

interface Written {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

type Wasm = readonly { name: string; code: { image: { url: string; sha256: string } } }[];

/** The names of a policy's filters, in their order. */
const chainOf = (policy: Written | undefined) => ((policy?.spec.wasm ?? []) as Wasm).map(({ name }) => name);

async function render(files: Readonly<Record<string, string>>, ...options: readonly string[]) {
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  const names = Object.keys(files).map((name) => path.join(folder, name));
  const done = await runMain(["render", "gateway-api", ...names, ...IMAGES, ...options]);
  const written = parseAllDocuments(done.stdout).map((document) => document.toJS() as Written);
  return { ...done, written };
}

const MESH = `
name: shop
gateway:
  routes:
    - { prefix: /api, service: orders }
    - { prefix: /v2/orders, service: orders }
    - { prefix: /, service: web }
  filters:
    - filter: rate-limit
      config: { rules: [{ name: user, key: [{ header: x-user-id }], local: { limit: 5, unit: second } }] }
services:
  web: { versions: { v1: { command: run } } }
  orders:
    protocol: grpc
    timeout: 1500ms
    versions: { v1: { command: run }, v2: { url: "h2c://orders.example:9000" } }
    filters:
      - filter: header-routing
        config: { rules: [{ name: beta, match: { headers: [{ name: x-group, exact: beta }] }, destination: v2 }] }
`;

describe("a mesh file's gateway", () => {
  test("has a Gateway, routes by the destination, Services and Backends, and the chain of each route", async () => {
    const { exitCode, stderr, written } = await render({ "mesh.yaml": MESH }, "--host", "shop.example");
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(written.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "Gateway shop",
      "HTTPRoute orders",
      "Service orders-v1",
      "Backend orders-v2",
      "HTTPRoute web",
      "Service web-v1",
      "EnvoyExtensionPolicy orders",
      "EnvoyExtensionPolicy web",
    ]);
    const spec = (name: string) =>
      written.find(({ kind, metadata }) => `${kind} ${metadata.name}` === name)?.spec;
    const paths = [
      { path: { type: "PathPrefix", value: "/api" } },
      { path: { type: "PathPrefix", value: "/v2/orders" } },
    ];
    const chosen = (version: string, backend: object) => ({
      matches: paths.map((each) => ({ ...each, headers: [{ name: "x-mesh-destination", value: version }] })),
      timeouts: { request: "1500ms" },
      backendRefs: [backend],
    });
    const v1 = { name: "orders-v1", port: 8080 };
    expect(spec("HTTPRoute orders")).toEqual({
      parentRefs: [{ name: "shop" }],
      hostnames: ["shop.example"],
      rules: [
        chosen("v1", v1),
        chosen("v2", { group: "gateway.envoyproxy.io", kind: "Backend", name: "orders-v2" }),
        { matches: paths, timeouts: { request: "1500ms" }, backendRefs: [v1] },
      ],
    });
    expect(spec("Backend orders-v2")).toEqual({
      endpoints: [{ fqdn: { hostname: "orders.example", port: 9000 } }],
      appProtocols: ["gateway.envoyproxy.io/h2c"],
    });
    expect(spec("Service orders-v1")).toMatchObject({
      selector: { app: "orders", version: "v1" },
      ports: [{ port: 8080, appProtocol: "kubernetes.io/h2c" }],
    });
    const chain = (name: string) =>
      chainOf(
        written.find(({ kind, metadata }) => kind === "EnvoyExtensionPolicy" && metadata.name === name),
      );
    expect([chain("orders"), chain("web")]).toEqual([["rate-limit", "header-routing"], ["rate-limit"]]);
    expect(stderr).toContain("each HTTPRoute has its own rate-limit: a limit there counts for each route");
  });

  test("has one policy where all routes have one chain, and names images by their digests", async () => {
    const { written } = await render({
      "mesh.yaml": MESH.replace(/\n {4}filters:\n {6}- filter: header[\s\S]*/, "\n"),
    });
    const [policy, ...others] = written.filter(({ kind }) => kind === "EnvoyExtensionPolicy");
    expect(others).toEqual([]);
    expect(chainOf(policy)).toEqual(["rate-limit"]);
    const { url, sha256 } = (policy?.spec.wasm as Wasm | undefined)?.[0]?.code.image ?? {};
    expect(policy?.spec.targetRefs).toEqual([
      { group: "gateway.networking.k8s.io", kind: "Gateway", name: "shop" },
    ]);
    expect(url).toBe(`registry.example/mesh/rate-limit@sha256:${sha256}`);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    [
      "retries",
      "timeout: 1500ms",
      "retries: { on: [5xx] }",
      "services.orders.retries: retries are a BackendTrafficPolicy",
    ],
    [
      "traffic policy",
      "timeout: 1500ms",
      "outlierDetection: {}",
      "outlierDetection is a BackendTrafficPolicy",
    ],
    ["a mirror", "timeout: 1500ms", "mirror: { service: web }", "mirror is a RequestMirror filter"],
    [
      "a route's own timeout",
      "{ prefix: /, service: web }",
      "{ prefix: /, service: web, timeout: 1s }",
      "an HTTPRoute gets its service's timeout",
    ],
    [
      "several addresses",
      '{ url: "h2c://orders.example:9000" }',
      '{ urls: ["h2c://a.example:9000", "h2c://b.example:9000"] }',
      "is rendered with one url",
    ],
    [
      "an address of this machine",
      "h2c://orders.example",
      "h2c://127.0.0.1",
      "cannot reach an address of this machine",
    ],
    ["TLS to a backend", "h2c://orders.example", "https://orders.example", "is a BackendTLSPolicy"],
    [
      "a filter of attempts",
      "filter: header-routing",
      "filter: retry-budget\n        config: {}\n      - filter: header-routing",
      "sees each attempt",
    ],
    ["copies by a rule", "destination: v2 }", "destination: v2, mirror: v1 }", 'sends copies to "v1"'],
  ])("refuses %s with its line, and leaves it out if asked", async (_, from, to, why) => {
    const text = MESH.replace(from, to);
    expect(text).not.toBe(MESH);
    const { exitCode, stderr, stdout } = await render({ "mesh.yaml": text });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/Gateway API has no word for this: .*mesh\.yaml:\d+:\d+: /);
    expect(stderr).toContain(why);
    const left = await render({ "mesh.yaml": text }, "--leave-out");
    expect(left.exitCode).toBe(0);
    expect(left.stderr).toMatch(/warning: left out: .*mesh\.yaml:\d+/);
  });
});

test("filters by route are policies of rules, which the HTTPRoute names", async () => {
  const text = MESH.replace(
    "    - filter: rate-limit",
    "    - filter: rate-limit\n      routes: [{ prefix: /api }, { prefix: /api/free, disabled: true }]",
  );
  expect(text).not.toBe(MESH);
  const { exitCode, stderr, written } = await render({ "mesh.yaml": text });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const route = written.find(({ kind, metadata }) => kind === "HTTPRoute" && metadata.name === "orders");
  type Rule = {
    readonly name: string;
    readonly matches: readonly { readonly path: { readonly value: string } }[];
  };
  const rules = (route?.spec.rules ?? []) as readonly Rule[];
  expect(rules.map(({ name, matches }) => [name, matches.map(({ path }) => path.value)])).toEqual([
    ["part-1-v1", ["/api/free", "/v2/orders"]],
    ["part-1-v2", ["/api/free", "/v2/orders"]],
    ["part-1", ["/api/free", "/v2/orders"]],
    ["part-2-v1", ["/api"]],
    ["part-2-v2", ["/api"]],
    ["part-2", ["/api"]],
  ]);
  const policies = written.filter(({ kind }) => kind === "EnvoyExtensionPolicy");
  expect(policies.map((policy) => [policy.metadata.name, chainOf(policy)])).toEqual([
    ["orders-part-1", ["header-routing"]],
    ["orders-part-2", ["rate-limit", "header-routing"]],
  ]);
  expect(policies[1]?.spec.targetRefs).toEqual(
    ["part-2-v1", "part-2-v2", "part-2"].map((sectionName) => ({
      group: "gateway.networking.k8s.io",
      kind: "HTTPRoute",
      name: "orders",
      sectionName,
    })),
  );
  expect(stderr).toContain("each HTTPRoute, or part of one, has its own header-routing");
  expect(stderr).toContain("a PathPrefix of Gateway API ends with a segment: /api is not /apis there");
});

const LIMITS = "rules: [{ name: user, key: [{ header: x-user-id }], local: { limit: 5, unit: second } }]\n";

describe("filters' files", () => {
  test("are a policy of the Gateway, or of HTTPRoutes", async () => {
    const { written } = await render({ "rate-limit.yaml": LIMITS }, "--gateway", "eg", "--fail-open");
    expect(written).toHaveLength(1);
    expect(written[0]).toMatchObject({
      kind: "EnvoyExtensionPolicy",
      spec: { targetRefs: [{ kind: "Gateway", name: "eg" }], wasm: [{ name: "rate-limit", failOpen: true }] },
    });
    const routed = await render({ "rate-limit.yaml": LIMITS }, "--route", "a", "--route", "b");
    expect(routed.written[0]?.spec.targetRefs).toMatchObject([
      { kind: "HTTPRoute", name: "a" },
      { kind: "HTTPRoute", name: "b" },
    ]);
    const rule = await render({ "rate-limit.yaml": LIMITS }, "--route", "a/login");
    expect(rule.written[0]?.spec.targetRefs).toMatchObject([
      { kind: "HTTPRoute", name: "a", sectionName: "login" },
    ]);
  });

  test.each([
    ["nothing says before what", LIMITS, [], 2, "say what the filters stand before"],
    ["settings that the module refuses", "rulez: []\n", ["--gateway", "eg"], 1, "rate-limit.yaml:1:1: rulez"],
    [
      "a service of that name",
      `service: { cluster: limits, domain: a }\nrules: [{ name: a, key: [{ header: b }], global: {} }]\n`,
      ["--gateway", "eg"],
      1,
      'calls the service "limits"',
    ],
    ["a name that Kubernetes refuses", LIMITS, ["--gateway", "Eg"], 2, '--gateway Eg: "Eg" cannot be a name'],
    ["a port", LIMITS, ["--gateway", "eg", "--port", "0"], 2, "--port 0: must be a number from 1 to 65535"],
    ["a host", LIMITS, ["--gateway", "eg", "--host", "a_b"], 2, "--host a_b: write a host"],
  ])("are refused: %s", async (_, text, options, code, why) => {
    const { exitCode, stderr, stdout } = await render({ "rate-limit.yaml": text }, ...options);
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
    expect(stderr).toContain(why);
  });
});
