// `routes` of filters in a mesh: the requests of other routes never enter the module, at the
// gateway and before a service, in both chains; two routes have two settings.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { filterLines } from "../../../compose/mesh/summary.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";

const TEST_MS = 100_000;

/** Every filter here counts each request that enters it, by its rule. */
const mesh = (ports: readonly number[]) => `name: by-route
gateway:
  routes:
    - { name: login, prefix: /login, service: app }
    - { prefix: /, service: app }
  filters:
    - filter: fault-injection
      routes: [{ name: login }]
      config: { rules: [{ name: at-login, abort: { status: 418 }, shadow: true }] }
    - filter: fault-injection
      routes: [{ prefix: /api }, { prefix: /api/healthz, disabled: true }]
      config: { rules: [{ name: at-api, abort: { status: 418 }, shadow: true }] }
    - filter: fault-injection
      routes: [{ prefix: /api }]
      config: { where: upstream, rules: [{ name: attempt-of-api, abort: { status: 418 }, shadow: true }] }
services:
  app:
    versions:
${ports.map((port, i) => `      v${i + 1}: { url: "http://127.0.0.1:${port}" }\n`).join("")}
    filters:
      - filter: header-routing
        routes: [{ prefix: /new }]
        config: { rules: [{ name: chosen, destination: v2 }] }
      - filter: fault-injection
        routes: [{ prefix: /new }]
        config: { where: upstream, rules: [{ name: attempt-of-new, abort: { status: 418 }, shadow: true }] }
filters:
  - filter: fault-injection
    at: [inbound]
    routes: [{ prefix: /api/in }]
    config: { rules: [{ name: inbound, abort: { status: 418 }, shadow: true }] }
`;

const upstreamOf = (body: string) => (JSON.parse(body) as { upstream: string }).upstream;

describe("filters by route in a mesh", { timeout: TEST_MS }, () => {
  let folder: string;
  let file: string;
  let upstreams: readonly Upstream[] = [];
  let running: RunningMesh;
  const told: string[] = [];

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), "by-route-")));
    file = path.join(folder, "mesh.yaml");
    upstreams = [await startUpstream({ name: "v1" }), await startUpstream({ name: "v2" })];
    await writeFile(file, mesh(upstreams.map(({ port }) => port)));
    const onEvent = (event: Parameters<typeof describeEvent>[0]) => told.push(...describeEvent(event));
    running = await startMesh({ file, gatewayPort: 0, cwd: folder, onEvent });
  }, TEST_MS);
  afterAll(async () => {
    await running?.stop();
    for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** The requests that rules have seen, by the rule. */
  async function seen(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { process } of running.envoys) {
      // Envoy 1.36 counts for each cluster's chain.
      for (const [name, count] of await process.admin.stats("wasmcustom.*decisions_total")) {
        const rule = /rule=([\w-]+)/.exec(name)?.[1] ?? name;
        if (count > 0) counts[rule] = (counts[rule] ?? 0) + count;
      }
    }
    return counts;
  }

  /** Who answered each path, and the rules that saw the requests. */
  async function ask(...paths: string[]) {
    const before = await seen();
    const by: string[] = [];
    for (const each of paths) {
      // A client that knows the header by which filters choose a version.
      const answer = await send(`${running.plan.gatewayUrl}${each}`, {
        headers: [["x-mesh-destination", "v2"]],
      });
      by.push(answer.status === 200 ? upstreamOf(answer.body) : String(answer.status));
    }
    const after = Object.entries(await seen()).filter(([rule, count]) => count !== before[rule]);
    return {
      by,
      rules: Object.fromEntries(after.map(([rule, count]) => [rule, count - (before[rule] ?? 0)])),
    };
  }

  /** Replaces a text of the file by another, and waits for the line that tells of it. */
  async function edit(from: string, to: string, line: RegExp) {
    const before = told.length;
    const text = await readFile(file, "utf8");
    expect(text).toContain(from);
    await writeFile(file, text.replace(from, to));
    await expect.poll(() => told.slice(before)).toContainEqual(expect.stringMatching(line));
  }

  it("are summed up with their routes", () => {
    expect(filterLines(running.mesh)).toEqual([
      expect.stringMatching(/^fault-injection at inbound on \/api\/in: inbound /),
      expect.stringMatching(/^fault-injection at gateway on the route login: at-login /),
      expect.stringMatching(/^fault-injection at gateway on \/api, not on \/api\/healthz: at-api /),
      expect.stringMatching(/^fault-injection at gateway on \/api, for each attempt: attempt-of-api /),
      "header-routing before app on /new: chosen → v2",
      expect.stringMatching(/^fault-injection before app on \/new, for each attempt: attempt-of-new /),
    ]);
  });

  it("see the requests of their routes and no others", async () => {
    expect(await ask("/", "/other", "/ap", "/log")).toEqual({ by: ["v1", "v1", "v1", "v1"], rules: {} });
    expect(await ask("/login", "/login/x?y")).toEqual({ by: ["v1", "v1"], rules: { "at-login": 2 } });
    expect(await ask("/api", "//api//x")).toEqual({
      by: ["v1", "v1"],
      rules: { "at-api": 2, "attempt-of-api": 2 },
    });
    expect(await ask("/api/healthz")).toEqual({ by: ["v1"], rules: { "attempt-of-api": 1 } });
    expect((await ask("/api/in")).rules).toEqual({ "at-api": 1, "attempt-of-api": 1, inbound: 1 });
  });

  it("choose a version on their routes alone, where no client can", async () => {
    expect(await ask("/new/x")).toEqual({ by: ["v2"], rules: { chosen: 1, "attempt-of-new": 1 } });
    expect((await ask("/news", "/old")).by).toEqual(["v2", "v1"]);
  });

  it("take new settings under load without losing a request", async () => {
    const port = Number(new URL(running.plan.gatewayUrl).port);
    const load = (of: string) =>
      runLoad({ port, path: of, forMs: amount(8_000, 3_000), connections: 8, rate: 200 });
    const loads = Promise.all(["/api/{n}", "/other/{n}"].map(load));
    await edit("name: at-api", "name: at-api-2", /^applied: fault-injection at gateway/);
    await edit("name: attempt-of-api", "name: attempt-of-api-2", /^applied: fault-injection at gateway/);
    for (const { statuses, answers } of await loads) {
      expect(answers.length).toBeGreaterThan(100);
      expect(statuses).toEqual({ 200: answers.length });
    }
    expect((await ask("/api", "/other")).rules).toEqual({ "at-api-2": 1, "attempt-of-api-2": 1 });
  });

  it("wait for a restart with new routes, and with the settings for them", async () => {
    const moved = /^restart to apply: gateway\.filters\[0\]\.routes\[0\]\.(name|prefix)/;
    const from = "routes: [{ name: login }]\n      config: { rules: [{ name: at-login,";
    await edit(from, "routes: [{ prefix: /log }]\n      config: { rules: [{ name: at-log,", moved);
    expect((await ask("/login", "/logs")).rules).toEqual({ "at-login": 1 });
    await edit("prefix: /log }", "prefix: /api }", /routes: on "\/api" filters\[0\] has other settings/);
    expect((await ask("/login")).rules).toEqual({ "at-login": 1 });
  });
});
