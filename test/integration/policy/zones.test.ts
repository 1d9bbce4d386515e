// Zones, mirrors and health checks: who gets requests where instances stand in zones, who gets
// copies, and what becomes of an instance that says that it is not well.

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { bodies, PolicyMesh, startInstance, type TestInstance, tally, WAIT } from "./policy-mesh.js";

const TEST_MS = 120_000;

let instances: readonly TestInstance[];
let copied: TestInstance;
let mesh: PolicyMesh;

const instance = (i: number) => instances[i] as TestInstance;
const urlOf = ({ upstream }: TestInstance) => `http://127.0.0.1:${upstream.port}`;

/** Two instances in zone a, where the gateway stands, and one in zone b. */
function meshFile(policy: string): string {
  const zones = ["a", "a", "b"];
  const urls = instances.map((each, i) => `{ url: "${urlOf(each)}", zone: ${zones[i]} }`);
  return [
    "name: zones",
    "gateway: { zone: a, routes: [{ prefix: /, service: s }] }",
    "services:",
    "  s:",
    "    versions:",
    `      v1: { urls: [${urls.join(", ")}] }`,
    `      v2: { urls: [{ url: "${urlOf(copied)}", zone: a }] }`,
    ...policy.split("\n").map((line) => `    ${line}`),
    "  other:",
    `    versions: { v1: { url: "${urlOf(copied)}" } }`,
  ].join("\n");
}

const CHECKS =
  "healthChecks: { http: { path: /healthz }, interval: 200ms, timeout: 200ms, unhealthyThreshold: 1 }";

beforeAll(async () => {
  instances = await Promise.all(["a1", "a2", "b1"].map((name) => startInstance(name)));
  copied = await startInstance("copy");
  mesh = await PolicyMesh.start(meshFile, CHECKS);
}, TEST_MS);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await Promise.all([...(instances ?? []), copied].map((each) => each?.upstream[Symbol.asyncDispose]()));
});
beforeEach(() => {
  for (const each of instances) each.respond = () => ({ body: each.upstream.name });
});

const healthy = (count: number) =>
  vi.waitFor(async () => expect(await mesh.stat("membership_healthy")).toBe(count), WAIT);

describe("health checks", () => {
  test("take an instance out that says that it is not well, and back", { timeout: TEST_MS }, async () => {
    await healthy(3);
    expect(tally(await bodies(mesh, 12))).toEqual({ "200 a1": 4, "200 a2": 4, "200 b1": 4 });
    const sick = instance(1);
    sick.respond = ({ path }) => (path === "/healthz" ? { status: 503 } : { body: "a2" });
    await healthy(2);
    expect(tally(await bodies(mesh, 12))).toEqual({ "200 a1": 6, "200 b1": 6 });
    sick.respond = () => ({ body: "a2" });
    await healthy(3);
    expect(Object.keys(tally(await bodies(mesh, 12)))).toContain("200 a2");
  });

  test("ask the app once, however many call it, and callers ask its sidecar", {
    timeout: TEST_MS,
  }, async () => {
    await healthy(3);
    const checks = instance(0).upstream.requests.filter(({ path }) => path === "/healthz");
    expect(new Set(checks.map((check) => check.header("user-agent")))).toEqual(new Set(["Envoy/HC"]));
    const paths = new Set(instance(0).upstream.requests.map(({ path }) => path));
    expect([...paths]).not.toContain("/meshwright~health");
    const checked = await mesh.stat("health_check.success");
    await vi.waitFor(
      async () => expect(await mesh.stat("health_check.success")).toBeGreaterThan(checked),
      WAIT,
    );
  });

  test("let all get requests where none is well", { timeout: TEST_MS }, async () => {
    for (const each of instances)
      each.respond = ({ path }) => (path === "/healthz" ? { status: 500 } : { body: each.upstream.name });
    await healthy(0);
    expect(tally(await bodies(mesh, 3))).toEqual({ "200 a1": 1, "200 a2": 1, "200 b1": 1 });
    expect(await mesh.stat("lb_healthy_panic")).toBeGreaterThan(0);
  });
});

describe("zones", () => {
  test("have the shares that the file gives them", { timeout: TEST_MS }, async () => {
    await mesh.apply(`${CHECKS}\nloadBalancer: { zones: { distribute: [{ to: { a: 80, b: 20 } }] } }`);
    await healthy(3);
    const seen = tally(await bodies(mesh, 100));
    expect(seen["200 b1"]).toBeGreaterThanOrEqual(18);
    expect(seen["200 b1"]).toBeLessThanOrEqual(22);
  });

  test("get everything where the other one is down", { timeout: TEST_MS }, async () => {
    await mesh.apply(`${CHECKS}\nloadBalancer: { zones: { distribute: [{ to: { a: 80, b: 20 } }] } }`);
    for (const i of [0, 1]) instance(i).respond = () => ({ status: 503 });
    await healthy(1);
    expect(tally(await bodies(mesh, 20))).toEqual({ "200 b1": 20 });
  });

  test("of its own come first for a caller, and others when that is down", { timeout: TEST_MS }, async () => {
    await mesh.apply(`${CHECKS}\nloadBalancer: { zones: {} }`);
    await healthy(3);
    expect(tally(await bodies(mesh, 20))).toEqual({ "200 a1": 10, "200 a2": 10 });
    for (const i of [0, 1]) instance(i).respond = () => ({ status: 503 });
    await healthy(1);
    expect(tally(await bodies(mesh, 20))).toEqual({ "200 b1": 20 });
    for (const i of [0, 1]) instance(i).respond = () => ({ body: `a${i + 1}` });
    await healthy(3);
    expect(tally(await bodies(mesh, 20))).toEqual({ "200 a1": 10, "200 a2": 10 });
  });

  test("are seen by an outlier detection too", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      "outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 1h, maxEjectionTime: 1h }\nloadBalancer: { zones: {} }\n" +
        CHECKS.replace("/healthz", "/well"),
    );
    await healthy(3);
    for (const i of [0, 1])
      instance(i).respond = ({ path }) => (path === "/well" ? {} : { status: 500, body: "failed" });
    expect(tally(await bodies(mesh, 20))).toEqual({ "500 failed": 2, "200 b1": 18 });
  });
});

describe("a mirror", () => {
  const copies = () => copied.upstream.requests.filter(({ path }) => path.startsWith("/copy"));

  test("gives another version copies of a share, and drops its answers", { timeout: TEST_MS }, async () => {
    await mesh.apply(`${CHECKS}\nmirror: { version: v2, percentage: 25 }`);
    copied.respond = () => ({ status: 500, body: "from the copy" });
    const before = copies().length;
    for (let i = 0; i < 200; i++) expect((await mesh.get(`/copy/${i}`)).status).toBe(200);
    // 200 draws of a quarter: outside of these bounds once in a million.
    const sent = () => copies().length - before;
    await vi.waitFor(async () => expect(await mesh.stat("upstream_rq_completed", "s_v2")).toBe(sent()), WAIT);
    expect(sent()).toBeGreaterThan(20);
    expect(sent()).toBeLessThan(82);
    expect(copies().at(-1)?.header("host")).toMatch(/-shadow/);
  });

  test("may be another service, which gets all where no share is written", { timeout: TEST_MS }, async () => {
    await mesh.apply(`${CHECKS}\nmirror: { service: other }`);
    const before = copies().length;
    for (let i = 0; i < 20; i++) await mesh.get(`/copy/${i}`);
    await vi.waitFor(() => expect(copies().length - before).toBe(20), WAIT);
    expect(await mesh.stat("upstream_rq_total", "other_v1")).toBe(20);
  });
});
