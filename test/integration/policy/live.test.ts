// Edits of routes, timeouts, retries and policies while a mesh of processes runs: none costs a
// request, a refused one changes nothing, and an Envoy that is started again has the newest.

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import { liveResources } from "../../../envoy/config/resources.js";
import { runLoad } from "../../support/load.js";
import { PolicyMesh, startInstance, type TestInstance, WAIT } from "./policy-mesh.js";

const TEST_MS = 120_000;

let apps: readonly TestInstance[];
let mesh: PolicyMesh;

const url = (i: number) => `http://127.0.0.1:${apps[i]?.upstream.port}`;

/** @param policy the content of the service s, and after a line `---` the gateway's routes */
function meshFile(policy: string): string {
  const [service = "", routes = "[{ prefix: /, service: s }, { prefix: /t, service: t }]"] =
    policy.split("\n---\n");
  return [
    "name: live",
    `gateway: { routes: ${routes === "" ? "[]" : routes} }`,
    "services:",
    `  t: { versions: { v1: { url: "${url(2)}" } } }`,
    "  s:",
    `    versions: { v1: { url: "${url(0)}" }, v2: { url: "${url(1)}" } }`,
    ...service.split("\n").map((line) => `    ${line}`),
  ].join("\n");
}

const ROUTES = "[{ prefix: /t, service: t }, { prefix: /, service: s }]";
const policy = (service: string, routes = ROUTES) => `${service}\n---\n${routes}`;

beforeAll(async () => {
  apps = await Promise.all(["v1", "v2", "t"].map((name) => startInstance(name)));
  mesh = await PolicyMesh.start(meshFile, policy("default: v1"));
}, TEST_MS);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await Promise.all((apps ?? []).map(({ upstream }) => upstream[Symbol.asyncDispose]()));
});

const text = async (where: string) => (await mesh.get(where)).text();

test("a request meets either the old or the new mesh, under load", { timeout: TEST_MS }, async () => {
  let isOver = false;
  const results: ReturnType<typeof runLoad>[] = [];
  const load = (async () => {
    while (!isOver) {
      const run = runLoad({ port: mesh.port, connections: 8, rate: 200, forMs: 1_000 });
      results.push(run);
      await run;
    }
  })();
  const edits = [
    policy("default: v2"),
    policy("default: v2\ntimeout: 5s\nretries: { on: [reset] }"),
    policy("default: v2", "[{ prefix: /t, service: s }, { prefix: /, service: t }]"),
    policy("default: v1\noutlierDetection: {}\nconnectionPool: { maxConnections: 50 }"),
    policy(
      "default: v1\nloadBalancer: { policy: ringHash, hashPolicy: [{ header: x-a }] }\nmirror: { version: v2 }",
    ),
    policy("default: v1"),
  ];
  for (const edit of edits) {
    await mesh.apply(edit);
    await delay(200);
  }
  isOver = true;
  await load;
  const done = await Promise.all(results);
  expect(new Set(done.flatMap(({ statuses }) => Object.keys(statuses)))).toEqual(new Set(["200"]));
  expect(done.reduce((sum, { answers }) => sum + answers.length, 0)).toBeGreaterThan(200);
});

test("each edit is in force when it is told as applied", { timeout: TEST_MS }, async () => {
  await mesh.apply(policy("default: v2"));
  expect(await text("/")).toBe("v2");
  await mesh.apply(policy("default: v1", "[{ prefix: /t, service: s }, { prefix: /, service: t }]"));
  expect([await text("/t"), await text("/")]).toEqual(["v1", "t"]);
  const [app] = apps;
  if (app !== undefined) app.respond = () => ({ fault: "never" });
  await mesh.apply(policy("default: v1\ntimeout: 300ms"));
  expect((await mesh.get("/")).status).toBe(504);
  if (app !== undefined) app.respond = () => ({ body: "v1" });
  await mesh.apply(policy("default: v1"));
});

test("a stream that is under way goes on over an edit", { timeout: TEST_MS }, async () => {
  const [app] = apps;
  if (app === undefined) throw new Error("no app");
  const pieces = Array.from({ length: 20 }, (_, i) => `piece ${i}\n`);
  app.respond = () => ({ body: pieces, pieceDelayMs: 100 });
  const stream = await mesh.get("/stream");
  await mesh.apply(policy("default: v2\nconnectionPool: { maxConnections: 7 }"));
  expect(await stream.text()).toBe(pieces.join(""));
  expect(await text("/")).toBe("v2");
  app.respond = () => ({ body: "v1" });
  await mesh.apply(policy("default: v1"));
});

test("a file that is refused changes nothing", { timeout: TEST_MS }, async () => {
  const before = mesh.events.length;
  await mesh.save(meshFile(policy("default: v2\nretries: { on: [5xx], backOff: { base: 2s, max: 1s } }")));
  const refusals = () => mesh.events.slice(before).filter(({ kind }) => kind === "file-refused");
  await vi.waitFor(() => expect(refusals()).toHaveLength(1), WAIT);
  expect(await text("/")).toBe("v1");
  await mesh.save(meshFile(policy("default: v1")));
});

test("what Envoy refuses changes nothing, and its reason is told", { timeout: TEST_MS }, async () => {
  const [gateway] = mesh.running.envoys;
  if (gateway === undefined) throw new Error("no gateway");
  const before = liveResources(gateway.plan.bootstrap);
  // A cluster that is fine comes first: Envoy takes it, and must forget it again.
  const clusters = before.clusters.map((each) =>
    each.name === "s_v2"
      ? { ...each, lb_policy: "RING_HASH" as const, ring_hash_lb_config: { maximum_ring_size: 8_388_609 } }
      : { ...each, connect_timeout: "1s" },
  );
  const routes = before.routes.map((each) => ({ ...each, virtual_hosts: [] }));
  const result = await gateway.change(before, { clusters, routes });
  expect(result).toMatchObject({
    accepted: false,
    reason: expect.stringMatching(/maximum_ring_size|MaximumRingSize/i),
  });
  expect(await text("/")).toBe("v1");
  expect(await gateway.change(before, before)).toEqual({ accepted: true });
});

test("what only a restart can change is named, and the rest of the edit is in force", {
  timeout: TEST_MS,
}, async () => {
  const before = mesh.events.length;
  const edited = meshFile(policy("default: v2\ncalls: [t]"));
  await mesh.apply(policy("default: v2\ncalls: [t]"));
  await vi.waitFor(() => {
    const told = mesh.events.slice(before).flatMap(describeEvent);
    expect(told).toContain("restart to apply: services.s.calls");
  }, WAIT);
  expect(edited).toContain("calls");
  expect(await text("/")).toBe("v2");
  await mesh.apply(policy("default: v1"));
});

test("an Envoy that is started again has the newest", { timeout: TEST_MS }, async () => {
  await mesh.apply(policy("default: v2"));
  await mesh.running.restart("Envoy gateway");
  await vi.waitFor(async () => expect(await text("/")).toBe("v2"), WAIT);
  await mesh.apply(policy("default: v1"));
  expect(await text("/")).toBe("v1");
});
