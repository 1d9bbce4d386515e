// Traffic policy in containers: instances in zones, an edit while they run, one more instance, and
// the only way outside.

import { chmod, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { chooseImages, docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { startContainers } from "../../../compose/containers/start.js";
import type { RunEvent } from "../../../compose/events.js";
import type { UpMesh } from "../../../compose/up-mesh.js";
import { tally } from "../policy/policy-mesh.js";

const LONG = { timeout: 300_000 };
const WAIT = { timeout: 120_000, interval: 200 };
const PORT = 8080;
const OUTSIDE = `meshwright-policy-${process.pid}`;
const why = await whyNoContainers();

/** Answers who it is; `/direct` and `/proxy` tell what it gets from outside, in either way. */
const APP = `
const http = require("http");
const ask = (options) => new Promise((resolve) => {
  const sent = http.request({ timeout: 3000, ...options }, (answer) => {
    let body = "";
    answer.on("data", (piece) => (body += piece));
    answer.on("end", () => resolve(answer.statusCode + " " + body));
  });
  sent.on("timeout", () => sent.destroy(new Error("timeout")));
  sent.on("error", (error) => resolve("failed"));
  sent.end();
});
http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://x");
  const target = url.searchParams.get("url");
  if (target === null) return response.end(process.env.SERVICE_INSTANCE + process.env.SERVICE_ZONE);
  const proxy = new URL(process.env.HTTP_PROXY);
  const { hostname: host, port, host: authority } = new URL(target);
  response.end(await (url.pathname === "/direct"
    ? ask({ host, port })
    : ask({ host: proxy.hostname, port: proxy.port, path: target, headers: { host: authority } })));
}).listen(process.env.PORT, "127.0.0.1");
`;

describe.skipIf(why !== undefined)(
  `traffic policy in containers${why === undefined ? "" : `: ${why}`}`,
  LONG,
  () => {
    let folder: string;
    let file: string;
    let mesh: UpMesh;
    const events: RunEvent[] = [];

    const text = (count: number, to: string, allowed = "") =>
      [
        "name: zones",
        "gateway: { zone: a, routes: [{ prefix: /, service: s }] }",
        "services:",
        "  s:",
        `    versions: { v1: { command: [node, app.js], instances: [{ zone: a, count: ${count} }, { zone: b }] } }`,
        `    loadBalancer: { zones: { distribute: [{ to: ${to} }] } }`,
        "    healthChecks: { http: { path: / }, interval: 500ms, timeout: 400ms }",
        `egress: { allow: [${allowed}] }`,
      ].join("\n");

    beforeAll(async () => {
      folder = await realpath(await mkdtemp(path.join(tmpdir(), "containers-policy-")));
      await chmod(folder, 0o755);
      file = path.join(folder, "mesh.yaml");
      await writeFile(path.join(folder, "app.js"), APP);
      await writeFile(file, text(1, "{ a: 50, b: 50 }"));
      mesh = await startContainers({
        file,
        gatewayPort: 0,
        cwd: folder,
        onEvent: (event) => events.push(event),
      });
    }, LONG.timeout);
    afterAll(async () => {
      await docker(["rm", "--force", OUTSIDE]);
      await mesh?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const get = async (where: string) => (await fetch(`${mesh.gatewayUrl}${where}`)).text();

    /** Starts a server on the network that leads outside, and returns its address there. */
    async function startOutside(): Promise<string> {
      const filter = ["--filter", "label=meshwright.mesh=zones", "--format", "{{.Name}}"];
      const networks = (await docker(["network", "ls", ...filter])).output.split("\n");
      const edge = networks.find((name) => name.endsWith("_edge")) ?? "";
      const server = `require("http").createServer((q, r) => r.end("from outside")).listen(${PORT})`;
      const { NODE_IMAGE: image } = await chooseImages();
      const run = ["run", "--detach", "--rm", "--network", edge, "--name", OUTSIDE, "--entrypoint", "node"];
      await docker([...run, image, "-e", server]);
      const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
      return (await docker(["inspect", OUTSIDE, "--format", format])).output.trim();
    }

    async function seen(count: number): Promise<Readonly<Record<string, number>>> {
      const bodies: string[] = [];
      for (let i = 0; i < count; i++) bodies.push(await get("/"));
      return tally(bodies);
    }

    async function edit(to: string): Promise<void> {
      const before = events.length;
      expect(await readFile(file, "utf8")).not.toBe(to);
      await writeFile(file, to);
      await vi.waitFor(
        () => expect(events.slice(before)).toContainEqual(expect.objectContaining({ kind: "applied" })),
        WAIT,
      );
    }

    test("each instance is a pod, and zones have their shares", LONG, async () => {
      await vi.waitFor(async () => expect(Object.keys(await seen(20)).sort()).toEqual(["1a", "2b"]), WAIT);
      const shares = await seen(100);
      expect(shares["1a"]).toBeGreaterThan(40);
      expect(shares["2b"]).toBeGreaterThan(40);
    });

    test("an edit of the shares is applied at once, and one more instance is started", LONG, async () => {
      await edit(text(1, "{ a: 90, b: 10 }"));
      await vi.waitFor(async () => expect((await seen(50))["1a"]).toBeGreaterThan(40), WAIT);
      await edit(text(2, "{ a: 90, b: 10 }"));
      await vi.waitFor(
        async () => expect(Object.keys(await seen(60)).sort()).toEqual(["1a", "2a", "3b"]),
        WAIT,
      );
    });

    test("an app reaches the outside by the proxy alone, and there what is allowed", LONG, async () => {
      const address = await startOutside();
      await edit(text(2, "{ a: 90, b: 10 }", `"${address}:${PORT}"`));
      const url = `http://${address}:${PORT}/`;
      await vi.waitFor(
        async () => expect(await get(`/proxy?url=${encodeURIComponent(url)}`)).toBe("200 from outside"),
        WAIT,
      );
      expect(await get(`/direct?url=${encodeURIComponent(url)}`)).toBe("failed");
      const other = `http://${address}:${PORT + 1}/`;
      expect(await get(`/proxy?url=${encodeURIComponent(other)}`)).toMatch(
        /^403 this host is not in egress\.allow/,
      );
    });
  },
);
