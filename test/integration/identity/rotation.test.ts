// Certificates change while requests and long streams go on, and nobody notices.

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { send } from "../../../kit/envoy/client.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { amount } from "../../support/amount.js";
import { authorityOf, callSidecar, certificateFor } from "../../support/sidecar-caller.js";
import { copyDemo, type DemoCopy } from "../mesh/demo-copy.js";

const ROTATIONS = amount(50, 3);
const CLIENTS = 4;
const BEAT_MS = 50;

let demo: DemoCopy;
let web: http.Server;
let stock: Upstream;
let mesh: RunningMesh;

beforeAll(async () => {
  demo = await copyDemo();
  web = http.createServer((request, response) => {
    if (request.url !== "/events") return void response.end("web");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const beat = setInterval(() => response.write("data: beat\n\n"), BEAT_MS);
    response.on("close", () => clearInterval(beat));
  });
  await once(web.listen(0, "127.0.0.1"), "listening");
  stock = await startGrpcUpstream({
    "/shop.Stock/Watch": async (call) => {
      for await (const message of call.messages) call.send(message);
      call.end(0);
    },
  });
  const file = path.join(demo.folder, "turning.yaml");
  await writeFile(
    file,
    `
name: turning
gateway: { routes: [{ prefix: /shop.Stock, service: stock }, { prefix: /, service: web }] }
services:
  web: { versions: { v1: { url: "http://127.0.0.1:${(web.address() as AddressInfo).port}" } } }
  stock: { versions: { v1: { url: "h2c://127.0.0.1:${stock.port}" } } }
identity: { rotate: 2s }
`,
  );
  mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder });
});
afterAll(async () => {
  await mesh?.stop();
  web?.closeAllConnections();
  web?.close();
  await stock?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
});

/** How often each Envoy has begun to show a new certificate: the least of them. */
async function rotations(): Promise<number> {
  const counts = mesh.envoys.map(async ({ process }) => {
    const stats = await process.admin.stats("ssl_context_update_by_sds$");
    return Math.min(...stats.values());
  });
  return Math.min(...(await Promise.all(counts)));
}

/** A stream that says how many messages came, and whether it still goes on. */
interface Watched {
  count: number;
  over: boolean;
}

async function watchEvents(): Promise<Watched> {
  const watched = { count: 0, over: false };
  const request = http.get(`${mesh.plan.gatewayUrl}/events`);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.on("data", () => {
    watched.count += 1;
  });
  response.on("close", () => {
    watched.over = true;
  });
  return watched;
}

async function watchGrpc(): Promise<Watched> {
  const watched = { count: 0, over: false };
  const session = http2.connect(mesh.plan.gatewayUrl);
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": "/shop.Stock/Watch",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.on("data", () => {
    watched.count += 1;
  });
  const beat = setInterval(() => stream.write(Buffer.from([0, 0, 0, 0, 1, 97])), BEAT_MS);
  stream.on("close", () => {
    clearInterval(beat);
    session.destroy();
    watched.over = true;
  });
  return watched;
}

it(`no request fails over ${ROTATIONS} rotations, and no stream ends`, {
  timeout: ROTATIONS * 60_000,
}, async () => {
  const root = await authorityOf(mesh.directory);
  const own = await certificateFor("spiffe://mesh.local/ns/turning/sa/gateway", root);
  const sidecar = mesh.plan.envoys.find(({ name }) => name === "web_v1")?.bootstrap.static_resources;
  const port = sidecar?.listeners[0]?.address.socket_address.port_value ?? 0;
  const outcomes = new Map<string, number>();
  let running = true;
  const repeat = async (ask: () => Promise<string>) => {
    while (running) {
      const outcome = await ask().catch((error: unknown) => String(error));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await delay(2);
    }
  };
  const throughGateway = async () => `gateway ${(await send(mesh.plan.gatewayUrl)).status}`;
  const withHandshake = async () => {
    const answer = await callSidecar(port, { tls: { trust: root.certificate, own } });
    return `sidecar ${"status" in answer ? answer.status : answer.refused}`;
  };
  const before = await rotations();
  const streams = [await watchEvents(), await watchGrpc()];
  const clients = Array.from({ length: CLIENTS }, (_, i) => repeat(i % 2 ? withHandshake : throughGateway));
  while ((await rotations()) < before + ROTATIONS) await delay(100);
  running = false;
  await Promise.all(clients);
  expect([...outcomes.keys()].sort()).toEqual(["gateway 200", "sidecar 200"]);
  for (const stream of streams) {
    expect(stream.over).toBe(false);
    expect(stream.count).toBeGreaterThan(ROTATIONS);
  }
  console.log(outcomes, streams);
});
