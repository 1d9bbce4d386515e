// Who may call whom: rules by caller, method and path at the port of a service's sidecar, their
// counts, and edits of them while the mesh runs.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import type { KeyPair } from "../../../envoy/certificates/authority.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { callGrpc } from "../../support/grpc-client.js";
import { authorityOf, callSidecar, certificateFor } from "../../support/sidecar-caller.js";
import { copyDemo, type DemoCopy } from "../mesh/demo-copy.js";

const WAIT = { timeout: 60_000, interval: 50 };

let demo: DemoCopy;
let file: string;
let app: Upstream;
let stock: Upstream;
let mesh: RunningMesh;
let root: KeyPair;
const told: string[] = [];
const owned = new Map<string, KeyPair>();

beforeAll(async () => {
  demo = await copyDemo();
  app = await startUpstream({ respond: ({ path }) => ({ body: path }) });
  stock = await startGrpcUpstream({ "/shop.Stock/Count": (call) => call.end(0) });
  file = path.join(demo.folder, "ruled.yaml");
  await writeFile(
    file,
    `
name: ruled
gateway: { routes: [{ prefix: /shop.Stock, service: stock }, { prefix: /, service: orders }] }
services:
  storefront:
    versions: { v1: { url: "http://127.0.0.1:${app.port}" } }
    calls: [stock]
    deny: [{ from: billing }]
  billing:
    versions: { v1: { url: "http://127.0.0.1:${app.port}" } }
    deny: [{ from: billing, dryRun: true }]
  orders:
    versions: { v1: { url: "http://127.0.0.1:${app.port}" } }
    allow:
      - { from: storefront, methods: [GET, HEAD], paths: [/orders] }
      - { from: "*", paths: [/orders/open] }
    deny:
      - { from: storefront, paths: [/orders, /admin] }
      - { from: billing, methods: [DELETE] }
      - { from: "*", paths: [/orders] }
  stock:
    protocol: grpc
    versions: { v1: { url: "h2c://127.0.0.1:${stock.port}" } }
    deny: [{ from: gateway, paths: [/shop.Stock/Count] }]
filters: [{ filter: trace-headers, at: [inbound] }]
`,
  );
  const onEvent = (event: Parameters<typeof describeEvent>[0]) => told.push(...describeEvent(event));
  mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder, onEvent });
  root = await authorityOf(mesh.directory);
});
afterAll(async () => {
  await mesh?.stop();
  for (const each of [app, stock, demo]) await each?.[Symbol.asyncDispose]();
});

/** The status with which the service's sidecar answers that caller. */
async function ask(service: string, caller: string, method: string, asked: string) {
  const uri = `spiffe://mesh.local/ns/ruled/sa/${caller}`;
  const own = owned.get(caller) ?? (await certificateFor(uri, root));
  owned.set(caller, own);
  const sidecar = mesh.plan.envoys.find(({ name }) => name === `${service}_v1`)?.bootstrap.static_resources;
  const port = sidecar?.listeners[0]?.address.socket_address.port_value ?? 0;
  return callSidecar(port, { tls: { trust: root.certificate, own }, method, path: asked });
}

async function statuses(service: string, asked: readonly (readonly [string, string, string, number])[]) {
  const answers = [];
  for (const [caller, method, where] of asked) {
    const answer = await ask(service, caller, method, where);
    answers.push([caller, method, where, "status" in answer ? answer.status : answer.refused]);
  }
  return answers;
}

const figuresOf = async (service: string) =>
  (await mesh.figures()).find((figures) => figures.service === service);

describe("open by default", () => {
  it("the most specific rule decides, and a caller's own rules hide those for everybody", async () => {
    const expected = [
      ["storefront", "GET", "/orders", 200], // its allow has a method, its deny has none
      ["storefront", "GET", "/orders/7?a=1", 200],
      ["storefront", "POST", "/orders", 403],
      ["storefront", "GET", "/admin", 403],
      ["storefront", "GET", "/administrators", 200], // another path
      ["storefront", "POST", "/orders/open", 403], // the allow is for everybody, and not for it
      ["billing", "DELETE", "/orders", 403],
      ["billing", "GET", "/orders", 200], // the deny for everybody does not reach it
      ["stock", "GET", "/orders", 403],
      ["stock", "GET", "/orders/open/3", 200], // a longer path
      ["gateway", "GET", "/", 200],
      ["gateway", "GET", "/orders?x", 403],
    ] as const;
    expect(await statuses("orders", expected)).toEqual(expected);
  });

  it("a path has one meaning, however it is written", async () => {
    const expected = [
      ["stock", "GET", "//orders", 403],
      ["stock", "GET", "/x/../orders", 403],
      ["stock", "GET", "/./orders/", 403],
      ["stock", "GET", "/%6Frders", 403],
      ["stock", "GET", "/x\\..\\orders", 403],
      ["stock", "GET", "/x%2F..%2forders", 400],
      ["stock", "GET", "/orders%5Copen", 400],
      ["stock", "GET", "/orders/open/../7", 403],
      ["stock", "GET", "/ORDERS", 200],
    ] as const;
    const before = app.requests.length;
    expect(await statuses("orders", expected)).toEqual(expected);
    expect(app.requests.slice(before).map((request) => request.path)).toEqual(["/ORDERS"]);
  });

  it("refuses the gateway a method of gRPC, and lets another service call it", async () => {
    const { STOCK_URL = "" } = mesh.plan.services.find(({ name }) => name === "storefront_v1")?.calls ?? {};
    expect(await callGrpc(mesh.plan.gatewayUrl, "/shop.Stock/Count", "tea")).toMatchObject({ status: 7 });
    expect(await callGrpc(STOCK_URL, "/shop.Stock/Count", "tea")).toMatchObject({ status: 0 });
  });

  it("a refused call reaches no filter behind it, and is counted by its rule", async () => {
    const admin = mesh.envoys.find(({ plan }) => plan.name === "storefront_v1")?.process.admin;
    const traced = async () => {
      const stats = await admin?.stats("trace_headers.*decisions|trace_headers.*total");
      return [...(stats?.values() ?? [])].reduce((sum, each) => sum + each, 0);
    };
    const before = await traced();
    expect(await ask("storefront", "billing", "GET", "/")).toMatchObject({ status: 403 });
    expect(await traced()).toBe(before);
    expect(await ask("storefront", "stock", "GET", "/")).toMatchObject({ status: 200 });
    expect(await traced()).toBeGreaterThan(before);
    expect(await figuresOf("storefront")).toMatchObject({ refused: 1, refusedDry: 0 });
    const counts = await admin?.stats("rbac.*deny_1");
    expect([...(counts ?? [])].filter(([, count]) => count > 0)).toHaveLength(1);
  });

  it("a rule with dryRun counts, and lets the call through", async () => {
    expect(await ask("billing", "billing", "GET", "/")).toMatchObject({ status: 200 });
    expect(await ask("billing", "stock", "GET", "/")).toMatchObject({ status: 200 });
    expect(await figuresOf("billing")).toMatchObject({ refused: 0, refusedDry: 1 });
  });
});

async function edit(from: string, to: string, line: RegExp): Promise<void> {
  const before = told.length;
  const text = await readFile(file, "utf8");
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
  await vi.waitFor(() => expect(told.slice(before)).toContainEqual(expect.stringMatching(line)), WAIT);
}

describe("edits while it runs", () => {
  it("a rule is in force once it is saved", async () => {
    await edit("deny: [{ from: billing }]", "deny: [{ from: stock }]", /^applied: .*storefront_v1/);
    const expected = [
      ["billing", "GET", "/", 200],
      ["stock", "GET", "/", 403],
    ] as const;
    expect(await statuses("storefront", expected)).toEqual(expected);
  });

  it("denyByDefault refuses what no rule allows; dryRun of the mesh refuses nothing", async () => {
    await edit("filters: [", "access: { denyByDefault: true }\nfilters: [", /^applied: .*orders_v1/);
    const expected = [
      ["storefront", "GET", "/orders", 200],
      ["storefront", "GET", "/", 403],
      ["billing", "GET", "/orders", 403],
      ["stock", "GET", "/orders/open", 200],
      ["gateway", "GET", "/", 403],
    ] as const;
    expect(await statuses("orders", expected)).toEqual(expected);
    const { refused = 0, refusedDry = 0 } = (await figuresOf("orders")) ?? {};
    await edit("denyByDefault: true", "denyByDefault: true, dryRun: true", /^applied: .*orders_v1/);
    const dry = expected.map(([caller, method, where]) => [caller, method, where, 200] as const);
    expect(await statuses("orders", dry)).toEqual(dry);
    expect(await figuresOf("orders")).toMatchObject({ refused, refusedDry: refusedDry + 3 });
  });

  it("the first rule with a path needs a restart, and is not in force before", async () => {
    await edit(
      "from: stock }",
      "from: billing, paths: [/a] }",
      /^restart to apply: services.storefront.deny$/,
    );
    expect(told.at(-1)).toMatch(/^restart to apply/);
  });
});
