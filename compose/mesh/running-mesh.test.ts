// What happens when an edit of a running mesh's file fails. The Envoys here answer as the test
// says.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ResourceServer } from "../../envoy/discovery/resource-server.js";
import { DiscoveryServer } from "../../envoy/discovery/server.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { RunEvent } from "../events.js";
import type { FilterPlan } from "../planned-envoy.js";
import { claimRunDirectory } from "../run-directory.js";
import type { Outcome } from "../supervised-envoy.js";
import { type MeshPlanOptions, portNames } from "./addresses.js";
import { readMesh } from "./file.js";
import { MeshReader } from "./mesh-reader.js";
import { planMesh } from "./plan.js";
import { type MeshPart, RunningMesh } from "./running-mesh.js";

let folder: string;
let file: string;
let mesh: RunningMesh;
let events: RunEvent[];
const unhandled = vi.fn();
/** By the Envoys' names. An Envoy without an entry takes everything. */
const outcomes = new Map<string, () => Promise<Outcome>>();

const meshFile = (header: string) =>
  JSON.stringify({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { url: "http://127.0.0.1:1" } } } },
    filters: [{ filter: "trace-headers", at: ["gateway", "inbound"], config: { responseHeader: header } }],
  });

beforeEach(async () => {
  process.on("unhandledRejection", unhandled);
  folder = await mkdtemp(path.join(tmpdir(), "running-mesh-"));
  file = path.join(folder, "mesh.json");
  events = [];
  outcomes.clear();
  await writeFile(file, meshFile("x-0"));
  mesh = await start();
});
afterEach(async () => {
  await mesh.stop();
  await rm(folder, { recursive: true, force: true });
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

async function start(): Promise<RunningMesh> {
  const parsed = await readMesh(file);
  const directory = await claimRunDirectory(parsed.name, folder);
  const planOptions: MeshPlanOptions = {
    directory: directory.path,
    home: folder,
    ports: new Map(portNames(parsed).map((name, i) => [name, 20_000 + i])),
    modulePath: ({ filter }) => `/build/${filter}.wasm`,
  };
  const plan = planMesh(parsed, planOptions);
  const parts = plan.envoys.map((envoy): MeshPart => {
    const apply = async (_filter: FilterPlan) => outcomes.get(envoy.name)?.() ?? { kind: "applied" };
    const supervised = { stop: async () => {} };
    return { kind: "envoy", supervised, envoy: { plan: envoy, apply } } as unknown as MeshPart;
  });
  const binary = { path: "/envoy", version: "1.39.3", source: "cache" } as const;
  const onEvent = (event: RunEvent) => events.push(event);
  const discovery = await DiscoveryServer.start();
  const resources = await ResourceServer.start();
  const reader = new MeshReader(file, onEvent);
  const run = { binary, discovery, resources, reader, directory, onEvent };
  return RunningMesh.over({ ...run, mesh: parsed, file, plan, planOptions, parts });
}

/** Saves other settings, and waits for this many events. */
async function edit(header: string, count: number): Promise<readonly RunEvent[]> {
  events = [];
  await writeFile(file, meshFile(header));
  await expect.poll(() => events).toHaveLength(count);
  return events;
}

const gone = async () => {
  throw new MeshwrightError("envoy-failed", "Envoy's admin does not answer");
};

it("gives the other Envoys their settings where one is gone, and gives that one its settings at the next edit", async () => {
  outcomes.set("gateway", gone);
  const [first, second] = (await edit("x-1", 2)).toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
  expect(first).toMatchObject({ kind: "applied", places: [expect.stringMatching(/^front_v1\//)] });
  expect(second).toEqual({
    kind: "not-applied",
    what: expect.stringMatching(/^trace-headers at gateway\//),
    lines: ["Envoy's admin does not answer"],
  });
  outcomes.clear();
  expect(await edit("x-2", 1)).toMatchObject([{ kind: "applied", places: { length: 2 } }]);
});

it("gives an Envoy the settings that it did not get at any later save of the file", async () => {
  outcomes.set("gateway", gone);
  await edit("x-1", 2);
  outcomes.clear();
  events = [];
  await writeFile(file, `${meshFile("x-1")}\n`);
  await expect.poll(() => events).toHaveLength(1);
  expect(events).toMatchObject([{ kind: "applied", places: [expect.stringMatching(/^gateway\//)] }]);
});

it("reports an unexpected error, and applies the next edit", async () => {
  outcomes.set("gateway", async () => {
    throw new TypeError("no function");
  });
  expect(await edit("x-1", 2)).toContainEqual({
    kind: "not-applied",
    what: expect.stringMatching(/^trace-headers at gateway\//),
    lines: ["unexpected error: TypeError: no function"],
  });
  outcomes.clear();
  expect(await edit("x-2", 1)).toMatchObject([{ kind: "applied" }]);
});

it("says that the last good settings stay after a refused file", async () => {
  events = [];
  await writeFile(file, "name: 3");
  await expect.poll(() => events).toHaveLength(1);
  expect(events[0]).toMatchObject({ kind: "file-refused" });
});

it("does not report what fails because the mesh was stopped", async () => {
  let isAsked = false;
  outcomes.set("gateway", async () => {
    isAsked = true;
    await mesh.stop();
    return gone();
  });
  events = [];
  await writeFile(file, meshFile("x-1"));
  await expect.poll(() => isAsked && !existsSync(mesh.directory)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(events.filter(({ kind }) => kind === "not-applied")).toEqual([]);
});
