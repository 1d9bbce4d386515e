// A lean build of a bundle, in process and in stock Envoy: it has the callbacks that any of its
// filters needs, and does what the whole bundle does.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { leanModule } from "../../../envoy/module/lean.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { idleCallbacks } from "../../../kit/host/idle-callbacks.js";
import { HostedModule } from "../../../kit/host/load.js";
import type { HeaderList } from "../../../kit/index.js";
import { buildBundle } from "../../../toolchain/bundle/bundle.js";
import { modulePath } from "../../../toolchain/compile/build.js";

const TEST_MS = 200_000;
const FILTERS = ["trace-headers", "fault-injection", "rate-limit", "header-routing"];
const SETTINGS = {
  "trace-headers": {},
  "fault-injection": {
    rules: [{ name: "out", match: { path: { prefix: "/out" } }, abort: { status: 503 } }],
  },
  "rate-limit": { rules: [{ name: "all", local: { limit: 2, unit: "hour" } }] },
  "header-routing": { rules: [{ name: "all", destination: "v1" }] },
};
const settingsWith = (changes: object) => ({ ...SETTINGS, ...changes }) as unknown as Json;

let folder: string;
let bytes: Buffer;
let whole: WebAssembly.Module;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "lean-bundle-"));
  await buildBundle("edge", FILTERS, { outDir: folder, sizeBudget: 500_000 });
  bytes = await readFile(modulePath("edge", folder));
  whole = new WebAssembly.Module(bytes);
}, TEST_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const idleFor = (settings: Json) =>
  idleCallbacks(whole, JSON.stringify(settings)).map((each) => each.replace("proxy_on_", ""));
const RESPONSES = ["response_headers", "response_body", "response_trailers"];

test.each([
  ["requests alone", {}, ["request_body", ...RESPONSES, "context_create", "delete"]],
  [
    "what trace-headers writes to responses",
    { "trace-headers": { responseHeader: "x-trace" } },
    ["request_body", "response_body", "response_trailers", "context_create"],
  ],
  [
    "what is held in flight",
    { "rate-limit": { rules: [{ name: "all", concurrency: { limit: 1 } }] } },
    ["request_body", ...RESPONSES, "context_create"],
  ],
])("a bundle needs what any of its filters needs: %s", (_, changes, idle) => {
  expect(idleFor(settingsWith(changes))).toEqual(idle);
});

function outcomes(module: WebAssembly.Module, settings: Json): string {
  const hosted = new HostedModule(module);
  hosted.host.fillRandom = (random) => random.fill(7);
  const seen = [0, 1].flatMap(() => {
    expect(hosted.configure(settings)).toMatchObject({ accepted: true });
    return ["/", "/out", "/", "/", "/out"].map((target) => {
      const request: HeaderList = [
        [":method", "GET"],
        [":path", target],
        [":authority", "shop.test"],
      ];
      const { request: sent, response, localReply } = hosted.exchange(request);
      return { sent, response, localReply };
    });
  });
  return JSON.stringify([seen, [...hosted.metrics]]);
}

test.each([{}, { "trace-headers": { responseHeader: "x-trace" } }])(
  "with %j it does what the whole bundle does",
  (changes) => {
    const settings = settingsWith(changes);
    const lean = leanModule(bytes, idleCallbacks(whole, JSON.stringify(settings)));
    expect(outcomes(new WebAssembly.Module(Buffer.from(lean)), settings)).toBe(outcomes(whole, settings));
  },
);

test("in stock Envoy it serves its settings, and refuses those that need more", {
  timeout: TEST_MS,
}, async () => {
  const module = path.join(folder, "lean.wasm");
  await writeFile(module, leanModule(bytes, idleCallbacks(whole, JSON.stringify(SETTINGS))));
  await using upstream = await startUpstream({ respond: () => ({ body: "ok" }) });
  await using envoy = await startEnvoy({
    filters: [{ name: "edge", module, configuration: settingsWith({}) }],
    upstreams: { one: upstream },
    workers: 2,
  });
  const statuses: number[] = [];
  for (const target of ["/", "/out", "/", "/", "/out"])
    statuses.push((await send(envoy.url, { path: target })).status);
  expect(statuses).toEqual([200, 503, 200, 429, 503]);
  const [first] = upstream.requests;
  expect(first?.header("x-mesh-destination")).toBe("v1");
  expect(first?.header("traceparent")).toMatch(/^00-/);
  const outcome = await envoy.configure(
    "edge",
    settingsWith({ "trace-headers": { responseHeader: "x-trace" } }),
  );
  expect(outcome).toMatchObject({
    accepted: false,
    reason: expect.stringContaining(
      "trace-headers: configuration refused: configuration: needs proxy_on_resp",
    ),
  });
});
