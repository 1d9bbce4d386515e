// The in-process host against stock Envoy: one module makes host calls, valid and invalid, in both, and what it was told must be the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileModule } from "../../filters/build.js";
import { send } from "../harness/client.js";
import { startEnvoy, type TestEnvoy } from "../harness/envoy.js";
import { startUpstream, type Upstream } from "../harness/upstream.js";
import { type HeaderList, type HostedModule, loadModule } from "./load.js";

const BODY = "0123456789";
const HEADERS: [string, string][] = [
  ["x-twice", "a"],
  ["x-twice", "b"],
  ["x-empty", ""],
];

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;
let module: HostedModule;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-host-"));
  const file = path.join(folder, "probe.wasm");
  await compileModule("test/probes/host-calls/index.ts", file);
  upstream = await startUpstream({
    respond: () => ({ status: 200, headers: [["content-type", "text/x"]], body: "answer" }),
  });
  envoy = await startEnvoy({
    filters: [{ name: "probe", module: file }],
    upstreams: { upstream },
    concurrency: 1,
  });
  module = loadModule(file, { clusters: ["upstream"] });
  module.configure("", { plugin: "probe" });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly lines: readonly string[];
}

async function inEnvoy(command: string): Promise<Seen> {
  const before = probeLines(envoy.logs()).length;
  const lines = () => probeLines(envoy.logs()).slice(before);
  const { status, body } = await send(envoy.url, {
    method: "POST",
    path: "/here",
    headers: [["x-do", command], ...HEADERS],
    body: BODY,
  });
  await expect.poll(() => lines().at(-1), { timeout: 5_000 }).toBe("delete");
  return { status, body, lines: lines() };
}

function inProcess(command: string): Seen {
  const before = module.logs.length;
  const request: HeaderList = [
    [":authority", "shop.test"],
    [":path", "/here"],
    [":method", "POST"],
    ["x-do", command],
    ...HEADERS,
  ];
  const stream = module.open(request);
  stream.requestBody(BODY, true);
  if (stream.upstream.isWhole) {
    stream.responseHeaders([
      [":status", "200"],
      ["content-type", "text/x"],
      ["content-length", "6"],
    ]);
    stream.responseBody("answer");
    stream.responseBody("", true);
  }
  stream.close();
  const text = module.logs
    .slice(before)
    .map((line) => line.text)
    .join("\n");
  return { status: stream.client.status, body: stream.client.text, lines: probeLines(text) };
}

function probeLines(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.includes("probe> "))
    .map((line) => line.slice(line.indexOf("probe> ") + 7));
}

describe("host calls say in process what they say in stock Envoy", () => {
  test.each([
    "headers",
    "buffers",
    "metrics",
    "shared",
    "properties",
    "calls",
    "system",
    "response-headers",
    "reply",
    "reply-and-continue",
    "body-reply",
    "response-reply",
  ])("%s", async (command) => {
    const expected = await inEnvoy(command);
    expect(expected.lines.length).toBeGreaterThan(5);
    expect(inProcess(command)).toEqual(expected);
  });
});
