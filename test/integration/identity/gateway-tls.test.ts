// The gateway speaks TLS to clients: for each host its certificate, of the mesh's authority or from
// files, which may be replaced while the mesh runs.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeEvent, type RunEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { curlLines } from "../../../compose/mesh/summary.js";
import { startTraffic } from "../../../compose/mesh/traffic.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { issueCertificate, type KeyPair, makeAuthority } from "../../../envoy/certificates/authority.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { callSidecar, validNow } from "../../support/sidecar-caller.js";
import { copyDemo, type DemoCopy } from "../mesh/demo-copy.js";

const WAIT = { timeout: 60_000, interval: 50 };
const LOCAL = "shop.localhost";
const GIVEN = "given.example";

let demo: DemoCopy;
let app: Upstream;
let mesh: RunningMesh;
let authority: KeyPair;
let root: string;
const told: string[] = [];

const at = (name: string) => path.join(demo.folder, name);
const issue = (host = GIVEN) => issueCertificate(authority, { name: host, hosts: [host] }, validNow());

async function put(certificate: string, key: string): Promise<void> {
  await writeFile(at("given.key"), key);
  await writeFile(at("given.pem"), certificate);
}

beforeAll(async () => {
  demo = await copyDemo();
  app = await startUpstream({ respond: () => ({ body: "hello" }) });
  authority = await makeAuthority("a person's", validNow());
  const { certificate, key } = await issue();
  await put(certificate, key);
  await writeFile(
    at("door.yaml"),
    `
name: door
gateway:
  tls: [{ host: ${LOCAL} }, { host: ${GIVEN}, certificate: given.pem, key: given.key }]
  routes: [{ prefix: /, service: web }]
services: { web: { versions: { v1: { url: "http://127.0.0.1:${app.port}" } } } }
identity: { rotate: 2s }
`,
  );
  const onEvent = (event: RunEvent) => told.push(...describeEvent(event));
  mesh = await startMesh({ file: at("door.yaml"), gatewayPort: 0, cwd: demo.folder, onEvent });
  root = await readFile(path.join(mesh.directory, "identity", "root.pem"), "utf8");
});
afterAll(async () => {
  await mesh?.stop();
  for (const each of [app, demo]) await each?.[Symbol.asyncDispose]();
});

const port = () => Number(new URL(mesh.plan.gatewayUrl).port);

/** The number of the certificate that a client sees who asks for that host. */
function serialOf(host: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port: port(), servername: host, ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

it("answers each host with its certificate, in both protocols", async () => {
  expect(mesh.plan.gatewayUrl).toMatch(/^https:/);
  for (const protocol of ["http1", "http2"] as const) {
    for (const [serverName, ca] of [
      [LOCAL, root],
      [GIVEN, authority.certificate],
    ] as const) {
      const answer = await send(mesh.plan.gatewayUrl, { protocol, tls: { ca, serverName } });
      expect(answer).toMatchObject({ status: 200, body: "hello" });
    }
  }
});

it("curl reaches it as up says, and up's own traffic does too", async () => {
  const [line = ""] = curlLines(mesh.mesh, mesh);
  expect(line).toMatch(/^curl --cacert \S+root\.pem --resolve shop\.localhost:\d+:127\.0\.0\.1 https:/);
  const curl = spawn("/bin/sh", ["-c", `${line} --silent --fail --max-time 20`]);
  expect(await once(curl, "exit")).toEqual([0, null]);
  const before = app.requests.length;
  {
    await using _traffic = startTraffic({
      url: mesh.gatewayUrl,
      host: mesh.door?.host,
      rps: 50,
      prefixes: ["/"],
    });
    await vi.waitFor(() => expect(app.requests.length).toBeGreaterThan(before + 5), WAIT);
  }
});

it("closes connections for another host, and plain ones", async () => {
  await expect(serialOf("elsewhere.example", root)).rejects.toThrow();
  expect(await callSidecar(port())).toHaveProperty("refused");
});

it("gives a host of its own authority new certificates", async () => {
  const before = await serialOf(LOCAL, root);
  await vi.waitFor(async () => expect(await serialOf(LOCAL, root)).not.toBe(before), WAIT);
});

it("takes files that are replaced, and keeps the last good ones where they do not fit", async () => {
  const given = () => serialOf(GIVEN, authority.certificate);
  const before = await given();
  const other = await issue();
  await put(other.certificate, other.key);
  await vi.waitFor(async () => expect(await given()).not.toBe(before), WAIT);
  expect(told).toContain("applied: gateway.tls at gateway");
  const good = await given();
  await writeFile(at("given.key"), (await issue()).key);
  const refused = /^not renewed: .*given\.key does not belong to the certificate in .*given\.pem/;
  await vi.waitFor(() => expect(told).toContainEqual(expect.stringMatching(refused)), WAIT);
  const local = await serialOf(LOCAL, root);
  await vi.waitFor(async () => expect(await serialOf(LOCAL, root)).not.toBe(local), WAIT);
  expect(await given()).toBe(good);
  expect(told.filter((line) => refused.test(line))).toHaveLength(1);
});

it("does not start with a file that Envoy could not use, and names it", async () => {
  const text = (await readFile(at("door.yaml"), "utf8")).replace("name: door", "name: broken");
  await writeFile(at("broken.yaml"), text.replace("key: given.key", "key: missing.key"));
  const start = startMesh({ file: at("broken.yaml"), gatewayPort: 0, cwd: demo.folder });
  await expect(start).rejects.toThrow(/missing\.key cannot be read \(ENOENT\): correct gateway\.tls/);
});
