// Meshes of other services than the demo's: services that end, that already run, that cannot start.

import { randomUUID } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunEvent } from "../../../compose/events.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { processesNaming } from "../commands/cli-process.js";
import { runMain } from "../commands/run-main.js";
import { copyDemo, type DemoCopy, ownMesh } from "./demo-copy.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;
const WAIT = { timeout: 20_000, interval: 50 };

let demo: DemoCopy;
let folder: string;
let file: string;

beforeAll(async () => {
  demo = await copyDemo();
  ({ folder, file } = demo);
});
afterAll(() => demo?.[Symbol.asyncDispose]());

describe("a mesh of one's own", { timeout: TEST_MS }, () => {
  async function ownFile(script: string): Promise<string> {
    const name = path.join(folder, `own-${randomUUID()}.yaml`);
    await writeFile(name, ownMesh([process.execPath, "-e", script]));
    return name;
  }

  it("says when a service ends by itself, with its last lines", async () => {
    const events: RunEvent[] = [];
    const script = `require("node:http").createServer((q, a) => {
      if (q.url === "/end") { console.error("out of tea"); process.exit(3); }
      a.end("alive");
    }).listen(process.env.PORT, "127.0.0.1")`;
    const options = { file: await ownFile(script), gatewayPort: 0, cwd: folder };
    await using mesh = await startMesh({ ...options, onEvent: (event) => events.push(event) });
    expect(await (await fetch(`${mesh.plan.gatewayUrl}/`)).text()).toBe("alive");
    await fetch(`${mesh.plan.gatewayUrl}/end`);
    const ended = {
      kind: "ended",
      what: "service app_v1",
      exit: { code: 3, signal: null },
      lastLines: ["out of tea"],
    };
    await expect.poll(() => events).toContainEqual(ended);
  });

  it("takes connections of any kind to a service that speaks first", async () => {
    const web = `require("node:http").createServer((q, a) => {
      const { hostname, port, protocol } = new URL(process.env.DB_URL);
      const db = require("node:net").connect(port, hostname);
      let said = protocol;
      db.on("data", (data) => {
        said += data;
        if (said.endsWith("hello ")) db.end("SELECT 1");
      }).on("end", () => a.end(said)).on("error", (e) => a.end(String(e)));
    }).listen(process.env.PORT, "127.0.0.1")`;
    const db = `require("node:net").createServer((s) => {
      s.write("hello ");
      s.on("data", (data) => s.end("got " + data)).on("error", () => {});
    }).listen(process.env.PORT, "127.0.0.1")`;
    const run = (script: string) => `{ command: ${JSON.stringify([process.execPath, "-e", script])} }`;
    const name = path.join(folder, `own-${randomUUID()}.yaml`);
    await writeFile(
      name,
      `name: tcp
gateway: { routes: [{ prefix: /, service: web }] }
filters: [{ filter: trace-headers, at: [gateway, inbound, outbound] }]
services:
  web: { calls: [db], versions: { v1: ${run(web)} } }
  db: { protocol: tcp, versions: { v1: ${run(db)} } }
`,
    );
    await using mesh = await startMesh({ file: name, gatewayPort: 0, cwd: folder });
    expect(await (await fetch(`${mesh.plan.gatewayUrl}/`)).text()).toBe("tcp:hello got SELECT 1");
    await vi.waitFor(async () => {
      expect(await mesh.figures()).toContainEqual(
        expect.objectContaining({ service: "db", requests: 1, ok: 1 }),
      );
    }, WAIT);
  });

  it("says that services of compose need containers", async () => {
    const name = path.join(folder, `own-${randomUUID()}.yaml`);
    const mesh = ownMesh(["x"]).replace(
      /\{ app: .*/,
      "{ app: { port: 80, versions: { v1: { compose: app } } } }",
    );
    await writeFile(name, mesh);
    const result = await runMain(["up", name, "--engine", "process"], folder);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(
      `${name}:3:48: services.app.versions.v1.compose: app is a service of compose, and runs in containers alone`,
    );
  });

  it("starts a dead Envoy again with the newest settings, and outlives the loss of its folder", async () => {
    const events: RunEvent[] = [];
    const header = (name: string) =>
      `\nfilters: [{ filter: trace-headers, at: [gateway], config: { responseHeader: ${name} } }]\n`;
    const script = `require("node:http").createServer((q, a) => a.end()).listen(process.env.PORT, "127.0.0.1")`;
    const name = path.join(folder, `own-${randomUUID()}.yaml`);
    const save = (responseHeader: string) =>
      writeFile(
        name,
        ownMesh([process.execPath, "-e", script]).replace("own", "dies") + header(responseHeader),
      );
    await save("x-first");
    const options = { file: name, gatewayPort: 0, cwd: folder };
    await using mesh = await startMesh({ ...options, onEvent: (event) => events.push(event) });
    const told = (kind: RunEvent["kind"]) =>
      vi.waitFor(() => {
        const event = events.find((each) => each.kind === kind);
        if (event === undefined) throw new Error(`no ${kind} in ${JSON.stringify(events)}`);
        return event;
      }, WAIT);
    const headers = async () => (await fetch(`${mesh.plan.gatewayUrl}/`)).headers;

    const gateway = mesh.envoys.find(({ plan }) => plan.name === "gateway")?.process;
    process.kill(gateway?.pid ?? 0, "SIGKILL");
    await save("x-second");
    expect(await told("deferred")).toMatchObject({ filter: "trace-headers", places: { length: 1 } });
    expect(await told("ended")).toMatchObject({ what: "Envoy gateway", exit: { signal: "SIGKILL" } });
    expect(await told("restarted")).toMatchObject({ what: "Envoy gateway" });
    expect((await headers()).has("x-second")).toBe(true);

    await rm(path.join(folder, ".meshwright", "dies"), { recursive: true });
    await save("x-third");
    await told("applied");
    expect((await headers()).has("x-third")).toBe(true);
    events.length = 0;
    await mesh.restart("Envoy gateway");
    await told("restarted");
    expect((await headers()).has("x-third")).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(["restarting", "restarted"]);
  });

  it("can front a service that already runs", async () => {
    await using upstream = await startUpstream({ name: "mine" });
    const name = path.join(folder, "url.yaml");
    await writeFile(
      name,
      ownMesh([])
        .replace(/\{ command: \[\] \}/, `{ url: "http://127.0.0.1:${upstream.port}" }`)
        .replace("name: own", "name: url"),
    );
    await using mesh = await startMesh({ file: name, gatewayPort: 0, cwd: folder });
    expect((await fetch(`${mesh.plan.gatewayUrl}/hello`)).status).toBe(200);
    expect(upstream.requests.map((request) => request.path)).toEqual(["/hello"]);
  });

  it("that cannot start ends what it started, and keeps the logs", async () => {
    const failing = await ownFile(`console.error("no such database"); process.exit(1)`);
    const result = await runMain(["up", failing, "--engine", "process", "--port", "0"], folder);
    expect(result.exitCode).toBe(6);
    expect(result.stderr).toMatch(/^meshwright: service app_v1 ended with code 1 before it took requests/);
    expect(result.stderr).toContain("no such database");
    expect(result.stderr).toContain(path.join(folder, ".meshwright", "own"));
    expect(await readFile(path.join(folder, ".meshwright", "own", "app_v1.log"), "utf8")).toContain(
      "no such database",
    );
    expect(processesNaming(path.join(folder, ".meshwright", "own"))).toEqual([]);
  });

  it("says which port is taken, and starts nothing", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await expect.poll(() => server.listening).toBe(true);
    const { port } = server.address() as { port: number };
    const result = await runMain(["up", file, "--engine", "process", "--port", String(port)], folder);
    server.close();
    expect(result.exitCode).toBe(7);
    expect(result.stderr.trim().split("\n")).toEqual([
      expect.stringMatching(new RegExp(`^meshwright: port ${port} of the gateway is taken: .*--port N$`)),
    ]);
    expect(result.stdout).toBe("");
  });
});
