// The filter on the SDK's page, compiled exactly as on the page and run in stock Envoy.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileModule } from "../../../toolchain/compile/build.js";

let room: string;
let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  const page = await readFile(path.join(PACKAGE_ROOT, "assembly/README.md"), "utf8");
  const [, code] = /```ts\n(.*?)```/s.exec(page) ?? [];
  // Two folders below the package, as the page's imports expect.
  await mkdir(path.join(PACKAGE_ROOT, "build"), { recursive: true });
  room = await mkdtemp(path.join(PACKAGE_ROOT, "build/page-"));
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-page-"));
  await writeFile(path.join(room, "index.ts"), code ?? "");
  const module = path.join(folder, "gate.wasm");
  await compileModule(path.relative(PACKAGE_ROOT, path.join(room, "index.ts")), module);
  upstream = await startUpstream();
  envoy = await startEnvoy({ filters: [{ name: "gate", module }], upstreams: { upstream } });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  for (const each of [room, folder]) await rm(each, { recursive: true, force: true });
});

test("refuses requests without an API key, and counts them", async () => {
  expect((await send(envoy.url, { path: "/", headers: [["x-api-key", "k"]] })).status).toBe(200);
  const refused = await send(envoy.url, { path: "/" });
  expect([refused.status, refused.body]).toEqual([401, "an API key is needed\n"]);
  const stats = await envoy.admin.stats("gate");
  expect(stats.get("wasmcustom.gate.refused_total")).toBe(1);
});
