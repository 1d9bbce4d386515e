// The example of docs/traffic-policy.md is a mesh file that runs, without a warning.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { tally, WAIT } from "./policy-mesh.js";

const TEST_MS = 120_000;
const APP =
  'require("http").createServer((q, r) => r.end(process.env.SERVICE_ZONE)).listen(process.env.PORT, "127.0.0.1")';

let folder: string;
let mesh: RunningMesh;
const told: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "policy-page-"));
  const page = await readFile(path.join(PACKAGE_ROOT, "docs", "traffic-policy.md"), "utf8");
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const file = path.join(folder, "mesh.yaml");
  await writeFile(file, example);
  for (const app of ["orders.js", "payments.js"]) await writeFile(path.join(folder, app), APP);
  const onEvent = (event: Parameters<typeof describeEvent>[0]) => told.push(...describeEvent(event));
  mesh = await startMesh({ file, gatewayPort: 0, cwd: folder, onEvent });
}, TEST_MS);
afterAll(async () => {
  await mesh?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("the example has no warning, and four in five requests go to the first zone", {
  timeout: TEST_MS,
}, async () => {
  expect(told.filter((line) => /warning|refused/.test(line))).toEqual([]);
  const healthy = "cluster.orders_v1.membership_healthy";
  await vi.waitFor(async () => {
    const stats = await mesh.envoys[0]?.process.admin.stats(`^${healthy}$`);
    expect(stats?.get(healthy)).toBe(3);
  }, WAIT);
  const zones: string[] = [];
  for (let i = 0; i < 100; i++) zones.push(await (await fetch(mesh.gatewayUrl)).text());
  expect(tally(zones).a).toBeGreaterThanOrEqual(75);
  expect(tally(zones).b).toBeGreaterThanOrEqual(15);
});
