// A VM that traps while a probe is out, and a table of 100,000 circuits, in stock Envoy.

import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { type BundlePart, bundlePlace } from "../../../toolchain/bundle/entry.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileProbe, compileTestBundle } from "../../support/compile-probe.js";
import { type GateUpstream, startBreakerEnvoy, startGateUpstream, until } from "./breaker-envoy.js";

const MANY = 100_000;

let folder: string;
let gate: GateUpstream;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "circuit-traps-")));
  gate = await startGateUpstream();
});

afterAll(async () => {
  await gate?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function partOf(name: string, entry: string, module: string): Promise<BundlePart> {
  return {
    name,
    entry: path.join(PACKAGE_ROOT, entry),
    callbacks: inspectModule(await readFile(module)).callbacks,
  };
}

test("a probe whose VM traps fails when its lease ends, and the next one closes the circuit", async () => {
  const probe = path.join(folder, "traps.wasm");
  const module = path.join(folder, "bundle.wasm");
  await compileProbe("test/probes/traps/index.ts", probe);
  const parts = [
    await partOf(
      "circuit-breaker",
      "filters/circuit-breaker/index.ts",
      await filterModule("circuit-breaker"),
    ),
    await partOf("traps", "test/probes/traps/index.ts", probe),
  ];
  await compileTestBundle({ name: "bundle", base: sourceAt(bundlePlace(PACKAGE_ROOT)), parts }, module);
  const rules = [
    {
      name: "traps",
      trip: { consecutive: 2 },
      open: { sleep: "100ms", maxSleep: "100ms", jitter: 0 },
      halfOpen: { lease: "500ms" },
    },
  ];
  const configuration = {
    "circuit-breaker": { explainHeader: "x-circuit", rules },
    traps: {},
  } as unknown as Json;
  await using envoy = await startEnvoy({
    workers: 2,
    upstreams: { one: gate },
    filters: [{ name: "bundle", module, configuration }],
  });
  const transitions = async (labels: string) => {
    const stats = await envoy.admin.stats(`circuit_breaker.transitions_total;rule=traps;${labels}$`);
    return [...stats.values()].reduce((sum, each) => sum + each, 0);
  };
  gate.release(503);
  for (let i = 0; i < 2; i++) expect((await send(envoy.url)).status).toBe(503);
  gate.release(200);
  gate.forget();
  // The first request after the sleep is the probe, and its VM ends before it goes on.
  await until(async () => {
    await send(envoy.url, { headers: [["x-do", "unreachable"]] });
    return (await transitions("to=half-open;reason=slept")) === 1;
  });
  expect(gate.arrived).toBe(0);
  await until(async () => (await send(envoy.url)).body === "answer");
  expect(await transitions("to=open;reason=lease-expired")).toBe(1);
  expect(await transitions("to=closed;reason=probes-succeeded")).toBe(1);
}, 180_000);

test("100,000 keys that fail open no circuit of another, and close none that is open", async () => {
  await using breaker = await startBreakerEnvoy({ workers: 2, upstreams: { one: gate } });
  const rules = [
    {
      name: "many",
      key: [{ header: "x-tenant" }],
      keys: 1000,
      trip: { consecutive: 3 },
      open: { sleep: "1h" },
    },
  ];
  await breaker.configure({ explainHeader: "x-circuit", rules });
  const tenant = (name: string) => breaker.request({ headers: [["x-tenant", name]] });
  gate.release(503);
  for (let i = 0; i < 3; i++) await tenant("bad");
  for (let i = 0; i < MANY; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, j) => tenant(`made-up-${i + j}`)));
  }
  expect((await tenant("bad")).header("x-circuit")).toBe("many;outcome=refused");
  gate.release(200);
  expect((await tenant("good")).header("x-circuit")).toBe("many;outcome=allowed");
  expect((await breaker.metrics("many"))["circuits;state=open"]).toBe(1);
  await breaker.expectAlive();
}, 600_000);
