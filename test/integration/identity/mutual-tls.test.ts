// Mutual TLS between the Envoys of a mesh: who is let in at a sidecar's port and who is not, in
// each mode, and what passes through it.

import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import https from "node:https";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import type { KeyPair } from "../../../envoy/certificates/authority.js";
import { send } from "../../../kit/envoy/client.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { callGrpc } from "../../support/grpc-client.js";
import { authorityOf, callSidecar, certificateFor, EXPIRED } from "../../support/sidecar-caller.js";
import { startUpgradeServer, type UpgradeServer, upgrade } from "../../support/upgrades.js";
import { runMain } from "../commands/run-main.js";
import { copyDemo, type DemoCopy } from "../mesh/demo-copy.js";

const WAIT = { timeout: 20_000, interval: 50 };
const NAME = /BEGIN (EC |RSA )?PRIVATE KEY/;

let demo: DemoCopy;
let web: UpgradeServer;
let stock: Upstream;

beforeAll(async () => {
  demo = await copyDemo();
  web = await startUpgradeServer();
  stock = await startGrpcUpstream({ "/shop.Stock/Count": (call) => call.end(0, "counted") });
});
afterAll(async () => {
  for (const each of [web, stock, demo]) await each?.[Symbol.asyncDispose]();
});

const idOf = (account: string, domain = "mesh.local") => `spiffe://${domain}/ns/sealed/sa/${account}`;

function meshText(name: string, identity: string): string {
  return `
name: ${name}
gateway: { routes: [{ prefix: /shop.Stock, service: stock }, { prefix: /, service: web }] }
services:
  web:
    versions: { v1: { url: "${web.url}" } }
    calls: [stock]
  stock:
    protocol: grpc
    versions: { v1: { url: "h2c://127.0.0.1:${stock.port}" } }
${identity}
`;
}

async function start(name: string, identity: string): Promise<RunningMesh> {
  const file = path.join(demo.folder, `${name}.yaml`);
  await writeFile(file, meshText(name, identity));
  return startMesh({ file, gatewayPort: 0, cwd: demo.folder });
}

/** A server with that certificate, which asks for one of the mesh. */
async function startImpostor(port: number, shown: KeyPair, root: KeyPair) {
  const tls = (own: KeyPair) => ({ cert: own.certificate, key: own.key, ca: root.certificate });
  let requests = 0;
  const server = https.createServer({ ...tls(shown), requestCert: true, rejectUnauthorized: true });
  server.on("request", (_request, response: ServerResponse) => {
    requests += 1;
    response.end("from its place");
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    requests: () => requests,
    show: (own: KeyPair) => server.setSecureContext(tls(own)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

function inboundPort({ plan }: RunningMesh, envoy: string): number {
  const { listeners = [] } = plan.envoys.find(({ name }) => name === envoy)?.bootstrap.static_resources ?? {};
  return listeners.find(({ name }) => name === "inbound")?.address.socket_address.port_value ?? 0;
}

describe("a mesh whose file says nothing of identity", () => {
  let mesh: RunningMesh;
  let root: KeyPair;
  let port: number;
  beforeAll(async () => {
    mesh = await start("sealed", "");
    root = await authorityOf(mesh.directory);
    port = inboundPort(mesh, "web_v1");
  });
  afterAll(() => mesh?.stop());

  const trust = () => root.certificate;

  it("lets a WebSocket and gRPC through, from outside and between services", async () => {
    const { gatewayUrl } = mesh.plan;
    expect(await upgrade(`${gatewayUrl}/chat`)).toMatchObject({ status: 101, text: "HELLO AGAIN" });
    const { STOCK_URL = "" } = mesh.plan.services.find(({ name }) => name === "web_v1")?.calls ?? {};
    for (const url of [gatewayUrl, STOCK_URL])
      expect(await callGrpc(url, "/shop.Stock/Count", "tea")).toMatchObject({ status: 0 });
  });

  it("lets in who shows a certificate of the mesh, and shows its own", async () => {
    for (const account of ["gateway", "web", "stock"]) {
      const own = await certificateFor(idOf(account), root);
      expect(await callSidecar(port, { tls: { trust: trust(), own } })).toMatchObject({
        status: 200,
        server: `URI:${idOf("web")}`,
      });
    }
  });

  it("refuses plain text", async () => {
    expect(await callSidecar(port)).toEqual({ refused: "ECONNRESET" });
  });

  it.each([
    ["no certificate", async () => undefined],
    ["a stranger's certificate of the same name", () => certificateFor(idOf("gateway"), undefined)],
    ["an expired certificate", () => certificateFor(idOf("gateway"), root, EXPIRED)],
    ["a name of another trust domain", () => certificateFor(idOf("gateway", "elsewhere"), root)],
    ["a name of another mesh", () => certificateFor("spiffe://mesh.local/ns/other/sa/gateway", root)],
  ])("refuses %s", async (_what, own) => {
    const shown = await own();
    const tls = { trust: trust(), ...(shown === undefined ? {} : { own: shown }) };
    expect(await callSidecar(port, { tls })).toHaveProperty("refused");
  });

  it("keeps keys out of its files, and its authority to itself", async () => {
    const folder = path.join(mesh.directory, "identity");
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(path.join(folder, "root.key"))).mode & 0o777).toBe(0o600);
    expect(await readFile(path.join(folder, ".gitignore"), "utf8")).toBe("*\n");
    const files = await readdir(mesh.directory, { recursive: true, withFileTypes: true });
    for (const file of files.filter((each) => each.isFile() && each.name !== "root.key")) {
      expect(await readFile(path.join(file.parentPath, file.name), "utf8"), file.name).not.toMatch(NAME);
    }
    const admin = mesh.envoys.find(({ plan }) => plan.name === "web_v1")?.process.admin;
    expect(JSON.stringify(await admin?.configDump())).not.toMatch(NAME);
  });

  it("meshwright identity shows each certificate and when it ends, from the Envoys and the folder", async () => {
    const table = await runMain(["identity", "sealed.yaml"], demo.folder);
    expect(table).toMatchObject({ exitCode: 0, stderr: "" });
    for (const [envoy, account] of [
      ["gateway", "gateway"],
      ["web_v1", "web"],
      ["stock_v1", "stock"],
    ] as const) {
      const line = new RegExp(`^${envoy} +${idOf(account)} +[0-9a-f]{12} +\\d{4}-.*, in 2 h \\d+ min$`, "m");
      expect(table.stdout).toMatch(line);
    }
    expect(table.stdout).toMatch(/^authority +CN=meshwright sealed +[0-9a-f]{12} +\d{4}-.*, in 36\d days$/m);
    const json = JSON.parse((await runMain(["identity", "sealed.yaml", "--json"], demo.folder)).stdout);
    expect(json).toMatchObject({ mesh: "sealed", mode: "strict", running: true, missing: [] });
    expect(json.certificates).toHaveLength(4);
    const port = inboundPort(mesh, "web_v1");
    const own = await certificateFor(idOf("web"), root);
    const { serial } = (await callSidecar(port, { tls: { trust: trust(), own } })) as { serial?: string };
    expect(json.certificates[1].serial).toBe(serial);
  });

  it("counts requests in the table as before", async () => {
    const figures = async () => (await mesh.figures()).find(({ service }) => service === "web");
    const before = (await figures())?.ok ?? 0;
    expect((await send(mesh.plan.gatewayUrl)).status).toBe(200);
    await vi.waitFor(async () => expect((await figures())?.ok).toBe(before + 1), WAIT);
  });

  it("sends nothing to a server in a sidecar's place that shows another service's certificate", async () => {
    const others = await certificateFor(idOf("stock"), root);
    const own = await certificateFor(idOf("web"), root);
    const sidecar = mesh.envoys.find(({ plan }) => plan.name === "web_v1")?.process;
    process.kill(sidecar?.pid ?? 0, "SIGKILL");
    await sidecar?.exited;
    await using impostor = await startImpostor(port, others, root);
    const gateway = mesh.envoys.find(({ plan }) => plan.name === "gateway")?.process.admin;
    const answer = () => send(mesh.plan.gatewayUrl);
    await vi.waitFor(async () => {
      expect((await answer()).status).toBe(503);
      const refused = await gateway?.stats("^cluster\\.web_v1\\.ssl\\.fail_verify_san$");
      expect([...(refused?.values() ?? [])][0]).toBeGreaterThan(0);
    }, WAIT);
    impostor.show(own);
    await vi.waitFor(async () => expect((await answer()).body).toBe("from its place"), WAIT);
    expect(impostor.requests()).toBe(1);
  });
});

it("permissive: a sidecar takes plain calls and calls by mutual TLS, but no stranger's", async () => {
  await using mesh = await start("sealed", "identity: { mode: permissive, trustDomain: shop.test }");
  const root = await authorityOf(mesh.directory);
  const port = inboundPort(mesh, "web_v1");
  const own = await certificateFor(idOf("stock", "shop.test"), root);
  const stranger = await certificateFor(idOf("stock", "shop.test"), undefined);
  expect((await send(mesh.plan.gatewayUrl)).status).toBe(200);
  expect(await callSidecar(port)).toMatchObject({ status: 200 });
  const tls = { trust: root.certificate, own };
  expect(await callSidecar(port, { tls })).toMatchObject({
    status: 200,
    server: `URI:${idOf("web", "shop.test")}`,
  });
  expect(await callSidecar(port, { tls: { ...tls, own: stranger } })).toHaveProperty("refused");
});

it("off: everything is plain, and there is no authority", async () => {
  await using mesh = await start("plain", "identity: { mode: off }");
  expect(await callSidecar(inboundPort(mesh, "web_v1"))).toMatchObject({ status: 200 });
  expect((await send(mesh.plan.gatewayUrl)).status).toBe(200);
  expect(await readdir(mesh.directory)).not.toContain("identity");
});

it("meshwright identity says that a mesh does not run, or has no certificates", async () => {
  await writeFile(path.join(demo.folder, "asleep.yaml"), meshText("asleep", ""));
  const asleep = await runMain(["identity", "asleep.yaml"], demo.folder);
  expect(asleep).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^It does not run in this folder/m),
  });
  await writeFile(path.join(demo.folder, "asleep.yaml"), meshText("asleep", "identity: { mode: off }"));
  const off = await runMain(["identity", "asleep.yaml"], demo.folder);
  expect(off.stdout).toBe('The mesh "asleep" has no certificates: identity.mode is off.\n');
});
