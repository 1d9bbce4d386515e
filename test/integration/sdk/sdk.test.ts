// The SDK's host services in stock Envoy, through a probe filter that does what a request header
// says.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { loadModule } from "../../../kit/host/load.js";
import type { ClientResponse } from "../../../kit/traffic.js";
import { amount } from "../../support/amount.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let module: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-sdk-"));
  module = path.join(folder, "probe.wasm");
  await compileProbe("test/probes/sdk/index.ts", module);
  upstream = await startUpstream();
  envoy = await startEnvoy({
    filters: [{ name: "probe", module }],
    upstreams: { upstream },
    workers: 1,
    listenerOptions: { maxRequestHeaders: 3000, maxRequestHeadersKb: 1024 },
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function ask(command: string, ...headers: [string, string][]): Promise<ClientResponse> {
  return send(envoy.url, { path: "/where?a=1", headers: [["x-do", command], ...headers] });
}

async function saw(command: string, ...headers: [string, string][]): Promise<string | undefined> {
  const response = await ask(command, ...headers);
  expect(response.status).toBe(200);
  return response.header("x-saw");
}

describe("the SDK in stock Envoy", () => {
  test("answers locally, with headers and details", async () => {
    const response = await ask("reply");
    expect(response.status).toBe(418);
    expect(response.body).toBe("no\n");
    expect(response.header("x-one")).toBe("1");
    expect(response.header("x-empty")).toBe("");
    const log = await envoy.accessLog(1);
    expect(log.at(-1)).toMatchObject({ status: 418, details: "probe_said_no" });
  });

  test("answers a gRPC client with a gRPC status", async () => {
    const response = await ask("grpc-reply", ["content-type", "application/grpc"], ["te", "trailers"]);
    expect(response.status).toBe(200);
    expect(response.header("grpc-status")).toBe("8");
  });

  test("reads properties, and null if there is none", async () => {
    expect(await saw("property")).toBe("/where?a=1");
    expect(await saw("missing-property")).toBe("(null)");
  });

  test("tells an empty header from a missing one, and from a map that does not exist yet", async () => {
    expect(await saw("missing-header")).toBe("(null)");
    expect(await saw("empty-header", ["x-empty", ""])).toBe("");
    expect(await saw("early-response")).toBe("(null)");
  });

  test("draws random numbers that differ", async () => {
    const drawn = new Set<string | undefined>();
    for (let i = 0; i < 200; i++) drawn.add(await saw("random"));
    expect(drawn.size).toBeGreaterThan(195);
  });

  test("logs what the level lets through, and knows it in advance", async () => {
    expect(await saw("levels")).toBe("warn");
    await expect.poll(() => envoy.logs()).toContain("probe: a warning");
    expect(envoy.logs()).not.toContain("probe: a detail");
  });

  test("reads all headers, also two and a half thousand", async () => {
    const many = (count: number) => Array.from({ length: count }, (): [string, string] => ["x-many", "a"]);
    expect(Number(await saw("count", ...many(900)))).toBeGreaterThan(900);
    expect(Number(await saw("count", ...many(2500)))).toBeGreaterThan(2500);
  });

  test("keeps the state of streams separate when many are open at once", async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `stream-${i}`);
    const answers = await Promise.all(
      ids.map((id) =>
        send(envoy.url, {
          headers: [
            ["x-request-id", id],
            ["x-do", "none"],
          ],
        }),
      ),
    );
    const sent = upstream.requests.map(
      (request) => request.headers.find(([name]) => name === "x-request-id")?.[1],
    );
    const returned = answers.map((answer) => answer.header("x-stream"));
    expect(new Set(returned).size).toBe(ids.length);
    for (const id of returned) expect(sent).toContain(id);
  });

  test("names file and line of a trap in Envoy's log, answers 503, and a new VM serves on", async () => {
    expect((await ask("trap")).status).toBe(503);
    await expect.poll(() => envoy.logs()).toMatch(/Index out of range at .*:\d+:\d+/);
    await expect.poll(async () => (await ask("none")).status).toBe(200);
  });
});

describe("the SDK's memory", () => {
  test("does not grow over streams that allocate, or over large headers", () => {
    const vm = loadModule(module);
    vm.configure("");
    const round = (times: number) => {
      for (let i = 0; i < times; i++) {
        vm.exchange([["x-do", "garbage"]]);
        vm.exchange([
          ["x-do", "count"],
          ["x-large", "x".repeat(100_000)],
        ]);
      }
    };
    round(200);
    const pages = vm.pages;
    round(amount(2_000, 500));
    expect(vm.pages).toBe(pages);
  });

  test("does not grow, and allocates nothing, over many streams that do not", () => {
    const vm = loadModule(module);
    vm.configure("");
    const round = (times: number) => {
      for (let i = 0; i < times; i++) vm.exchange([["x-request-id", "12345"]]);
    };
    round(1_000);
    const pages = vm.pages;
    round(amount(100_000, 20_000));
    expect(vm.pages).toBe(pages);
  });
});
