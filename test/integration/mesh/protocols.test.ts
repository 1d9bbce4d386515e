// What a mesh carries at every hop: WebSockets, gRPC and trailers; and how the table counts calls
// of gRPC.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { send } from "../../../kit/envoy/client.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { callGrpc } from "../../support/grpc-client.js";
import {
  connectHttp2,
  startConnectServer,
  startUpgradeServer,
  type UpgradeServer,
  upgrade,
} from "../../support/upgrades.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

const WAIT = { timeout: 20_000, interval: 50 };

let demo: DemoCopy;
let file: string;
let web: UpgradeServer;
let live: UpgradeServer;
let stock: Upstream;
let mesh: RunningMesh;

beforeAll(async () => {
  demo = await copyDemo();
  web = await startUpgradeServer();
  live = await startConnectServer();
  stock = await startGrpcUpstream({
    "/shop.Stock/Count": async (call) => {
      for await (const message of call.messages) call.send(`counted ${message}`);
      call.end(0);
    },
    "/shop.Stock/Fail": (call) => call.end(14, "no shelf"),
    "/shop.Stock/FailLate": (call) => {
      call.send("some");
      call.end(5, "no more");
    },
  });
  file = path.join(demo.folder, "protocols.yaml");
  await writeFile(
    file,
    `
name: protocols
gateway:
  address: 127.0.0.1
  routes:
    - { prefix: /shop.Stock, service: stock }
    - { prefix: /live, service: live }
    - { prefix: /, service: web }
  filters:
    - filter: rate-limit
      config: { rules: [{ name: login, match: { path: { exact: /login } }, local: { limit: 1, unit: hour } }] }
    - filter: native
      config:
        name: envoy.filters.http.header_mutation
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
          mutations:
            response_mutations: [{ append: { header: { key: x-native, value: "yes" } } }]
services:
  web:
    versions: { v1: { url: "${web.url}" } }
    calls: [stock, web, live]
  stock:
    protocol: grpc
    versions: { v1: { url: "http://127.0.0.1:${stock.port}" } }
  live:
    versions: { v1: { url: "${live.url}" } }
filters: [{ filter: trace-headers, at: [gateway, inbound, outbound], config: {} }]
`,
  );
  mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder });
});
afterAll(async () => {
  await mesh?.stop();
  await stock?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  await live?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
});

/** The addresses by which clients reach a service, and by which another service does. */
const waysTo = (service: string) => {
  const calls = mesh.plan.services.find(({ name }) => name === "web_v1")?.calls ?? {};
  return [mesh.plan.gatewayUrl, calls[`${service.toUpperCase()}_URL`] ?? ""];
};

it("a WebSocket is opened through the gateway and between services", async () => {
  for (const url of waysTo("web")) {
    expect(await upgrade(`${url}/chat`)).toEqual({ status: 101, accepted: true, text: "HELLO AGAIN" });
    expect(await connectHttp2(`${url}/chat`)).toEqual({ status: 200, text: "HELLO" });
    const { status, text } = await upgrade(`${url}/page`, "foo");
    expect({ status, url: JSON.parse(text).url }).toEqual({ status: 200, url: "/page" });
  }
});

it("an HTTP/2 service gets a WebSocket by extended CONNECT, whatever the client speaks", async () => {
  for (const url of waysTo("live")) {
    expect(await upgrade(`${url}/live`)).toMatchObject({ status: 101, text: "HELLO AGAIN" });
    expect(await connectHttp2(`${url}/live`)).toEqual({ status: 200, text: "HELLO" });
  }
});

it("trailers of HTTP/1.1 pass both ways", async () => {
  for (const url of waysTo("web")) {
    const response = await send(`${url}/`, { body: ["a"], trailers: [["x-sum", "9"]] });
    expect(response).toMatchObject({ status: 200, trailers: [["x-late", "1"]] });
    expect(JSON.parse(response.body).trailers).toEqual({ "x-sum": "9" });
  }
});

it("Envoy's own filters stand in the chain, and take edits of the mesh file", async () => {
  const answer = async () => (await send(mesh.plan.gatewayUrl)).header("x-native");
  expect(await answer()).toBe("yes");
  await writeFile(file, (await readFile(file, "utf8")).replace('value: "yes"', 'value: "new"'));
  await expect.poll(() => answer()).toBe("new");
});

it("a rule at the gateway holds for each way to write a path", async () => {
  const { gatewayUrl } = mesh.plan;
  const statuses = [];
  for (const asked of ["/login", "//login", "/%2flogin"]) {
    statuses.push((await send(gatewayUrl, { path: asked })).status);
  }
  expect(statuses).toEqual([200, 429, 307]);
});

describe("gRPC", () => {
  it("passes at every hop, and the table counts its own statuses", async () => {
    for (const url of waysTo("stock")) {
      expect(await callGrpc(url, "/shop.Stock/Count", "tea")).toEqual({
        messages: ["counted tea"],
        status: 0,
        message: "",
      });
      expect(await callGrpc(url, "/shop.Stock/Fail", "tea")).toMatchObject({ status: 14 });
      expect(await callGrpc(url, "/shop.Stock/FailLate", "tea")).toMatchObject({
        messages: ["some"],
        status: 5,
      });
    }
    const figures = async () => (await mesh.figures()).find(({ service }) => service === "stock");
    await vi.waitFor(
      async () =>
        expect(await figures()).toEqual({
          service: "stock",
          version: "v1",
          requests: 6,
          ok: 2,
          clientErrors: 2,
          serverErrors: 2,
        }),
      WAIT,
    );
    await stock.stop();
    expect(await callGrpc(mesh.plan.gatewayUrl, "/shop.Stock/Count", "tea")).toMatchObject({ status: 14 });
    await vi.waitFor(
      async () => expect(await figures()).toMatchObject({ requests: 7, serverErrors: 3 }),
      WAIT,
    );
    await stock.start();
  });
});
