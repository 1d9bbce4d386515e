// The filters of a mesh that see each attempt, limit, or call a service, in the demo and in other
// meshes.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeEvent, type RunEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { countingTo, startRateLimitService } from "../../support/rate-limit-service.js";
import { runMain } from "../commands/run-main.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;
/** A user among the one in a hundred whose requests fail at the demo's payments. */
const UNLUCKY = "user-4";

let demo: DemoCopy;
beforeAll(async () => {
  demo = await copyDemo();
});
afterAll(() => demo?.[Symbol.asyncDispose]());

/**
 * The counters of filters' decisions in one Envoy of a mesh that are above 0, by `rule;outcome`.
 */
async function decisions(mesh: RunningMesh, envoy: string, filter: string): Promise<Record<string, number>> {
  const { admin } = mesh.envoys.find(({ plan }) => plan.name === envoy)?.process ?? {};
  // Envoy 1.36 has the metrics of a cluster's chain once for each cluster, with its name in front.
  const pattern = `^(?:cluster\\.[^.]+\\.)?wasmcustom\\.meshwright\\.${filter}\\.decisions_total;`;
  const found = (await admin?.stats(pattern)) ?? new Map<string, number>();
  const sums: Record<string, number> = {};
  for (const [name, count] of found) {
    const decision = name.replace(new RegExp(pattern), "");
    if (count > 0) sums[decision] = (sums[decision] ?? 0) + count;
  }
  return sums;
}

describe("the demo mesh", { timeout: TEST_MS }, () => {
  let mesh: RunningMesh;
  const told: string[] = [];
  beforeAll(async () => {
    mesh = await startMesh({
      file: demo.file,
      gatewayPort: 0,
      cwd: demo.folder,
      onEvent: (event) => told.push(...describeEvent(event)),
    });
  }, TEST_MS);
  afterAll(() => mesh?.stop());

  const ask = (user: string) => send(mesh.plan.gatewayUrl, { headers: [["x-user-id", user]] });

  /** Replaces texts by others, and waits for the line that reports it. */
  async function edit(changes: readonly (readonly [from: string, to: string])[], line: RegExp) {
    const before = told.length;
    let text = await readFile(demo.file, "utf8");
    for (const [from, to] of changes) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    await writeFile(demo.file, text);
    await expect.poll(() => told.slice(before)).toContainEqual(expect.stringMatching(line));
  }

  it("fails one user at payments, every time, after three attempts by orders", async () => {
    const statuses = [];
    for (const user of [UNLUCKY, "user-1", UNLUCKY]) statuses.push((await ask(user)).status);
    expect(statuses).toEqual([502, 200, 502]);
    const aborted = await Promise.all(
      ["orders_v1", "orders_v2"].map((envoy) => decisions(mesh, envoy, "fault_injection")),
    );
    const sum = aborted.reduce((total, each) => total + (each["rule=no-luck;outcome=aborted"] ?? 0), 0);
    expect(sum).toBe(6);
    expect(await decisions(mesh, "storefront_v1", "retry_budget")).toEqual({
      "rule=orders;outcome=retried": 4,
    });
  });

  it("applies an edit of what each attempt meets, and says what an edit would move", async () => {
    const applied = /^applied: fault-injection at orders_v1\/outbound-payments_/;
    await edit([["percentage: 1,", "percentage: 0,"]], applied);
    expect((await ask(UNLUCKY)).status).toBe(200);
    const moved = /^restart to apply: services\.payments\.filters\[0\]\.config\.where$/;
    await edit(
      [
        ["where: upstream", "where: downstream"],
        ["percentage: 0,", "percentage: 1,"],
      ],
      moved,
    );
    expect((await ask(UNLUCKY)).status).toBe(200);
    await edit([["where: downstream", "where: upstream"]], applied);
    expect((await ask(UNLUCKY)).status).toBe(502);
    await edit([["attempts: 2", "attempts: 3"]], /^applied: mesh\.yaml at storefront_v1$/);
  });

  it("limits each user separately, and says what is left", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask("busy")));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 429]));
    const limited = answers.filter(({ status }) => status === 429);
    for (const answer of limited) expect(answer.header("retry-after")).toMatch(/^[1-9]\d*$/);
    const other = await ask("quiet");
    expect(other.status).toBe(200);
    expect(other.header("ratelimit-policy")).toBe('"user";q=5;w=1');
    expect(await decisions(mesh, "gateway", "rate_limit")).toMatchObject({
      "rule=user;outcome=limited": limited.length,
    });
  });
});

describe("another mesh", { timeout: TEST_MS }, () => {
  const text = (port: number, rest: string) =>
    `name: own\ngateway: { routes: [{ prefix: /, service: app }] }\nservices:\n  app:\n    versions: { v1: { url: "http://127.0.0.1:${port}" } }\n${rest}`;
  const LIMIT =
    "{ service: { cluster: limits, domain: shop, timeout: 2s, preCheck: false }, rules: [{ name: user, key: [{ header: x-user }], global: {} }] }";

  it("has the services that its filters call in every Envoy", async () => {
    await using app = await startUpstream();
    await using service = await startRateLimitService(countingTo(2));
    const file = path.join(demo.folder, "limits.yaml");
    const services = `grpcServices: { limits: { url: "http://127.0.0.1:${service.port}" } }\n`;
    const filters = `filters: [{ filter: rate-limit, at: [inbound], config: ${LIMIT} }]\n`;
    await writeFile(file, text(app.port, services + filters));
    const told: string[] = [];
    const onEvent = (event: RunEvent) => told.push(...describeEvent(event));
    await using mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder, onEvent });
    const ask = async () => (await send(mesh.plan.gatewayUrl, { headers: [["x-user", "ann"]] })).status;
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
    expect(service.questions.length).toBe(3);
    expect(app.requests.length).toBe(2);
    // No Envoy has a cluster for what an edit adds. A filter that would call it waits for the
    // restart, like the service itself.
    const renamed = text(app.port, services + filters).replaceAll("limits:", "others:");
    told.length = 0;
    await writeFile(file, renamed.replace("cluster: limits", "cluster: others"));
    await expect.poll(() => told).toContainEqual(expect.stringMatching(/^restart to apply: /));
    await writeFile(file, text(app.port, services + filters.replace("timeout: 2s", "timeout: 3s")));
    await expect.poll(() => told).toContainEqual(expect.stringMatching(/^applied: /));
    expect(told.map((line) => line.replace(/ at .*/, ""))).toEqual([
      "restart to apply: grpcServices.limits, grpcServices.others",
      "applied: rate-limit",
    ]);
    expect(await ask()).toBe(429);
  });

  it("retries at the gateway, within the service's timeout, and hides the mark for the router from clients", async () => {
    await using app = await startUpstream({
      respond: ({ path: asked }) => (asked === "/slow" ? { delayMs: 5_000 } : { status: 503, body: "own" }),
    });
    const file = path.join(demo.folder, "retries.yaml");
    const nothing = "{ budgets: [{ name: none, ratio: { percentage: 0, minRetriesPerSecond: 0 } }] }";
    const rest = (filters: string) =>
      `    timeout: 1s\n    retries: { on: [5xx], attempts: 2 }\n    filters: [${filters}]\n`;
    await writeFile(file, text(app.port, rest("")));
    {
      await using mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder });
      expect(await send(mesh.plan.gatewayUrl)).toMatchObject({ status: 503, body: "own" });
      expect(app.requests.length).toBe(3);
      const before = performance.now();
      expect((await send(mesh.plan.gatewayUrl, { path: "/slow" })).status).toBe(504);
      // Not Envoy's 15 s, at any of the hops.
      expect(performance.now() - before).toBeLessThan(5_000);
    }
    const sent = app.requests.length;
    await writeFile(file, text(app.port, rest(`{ filter: retry-budget, config: ${nothing} }`)));
    await using mesh = await startMesh({ file, gatewayPort: 0, cwd: demo.folder });
    const answer = await send(mesh.plan.gatewayUrl);
    expect(answer).toMatchObject({ status: 503, body: "own" });
    expect(answer.header("x-envoy-ratelimited")).toBeUndefined();
    expect(app.requests.length - sent).toBe(1);
  });

  it("is checked before it runs, also by validate", async () => {
    const file = path.join(demo.folder, "wrong.yaml");
    const rest = `    timeout: 1s\n    retries: { on: [5xx], perTryTimeout: 2s }\nfilters: [{ filter: rate-limit, at: [inbound], config: ${LIMIT} }]\n`;
    await writeFile(file, text(9, rest));
    for (const words of [
      ["validate", file],
      ["up", file, "--engine", "process", "--port", "0"],
    ]) {
      const { exitCode, stdout, stderr } = await runMain(words, demo.folder);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(
        /services\.app\.retries\.perTryTimeout: must not be above the timeout of the whole answer, which is 1s$/m,
      );
      expect(stderr).toMatch(
        /filters\[0\]\.config\.service\.cluster: there is no gRPC service "limits"; say where it is: grpcServices: /,
      );
    }
  });
});
