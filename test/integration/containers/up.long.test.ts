// `meshwright up --engine container`: the demo in containers, edits of its file while it runs, what
// ends and is started again, mistakes, and that nothing is left.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { RUN_LABEL } from "../../../compose/containers/run-settings.js";
import { startContainers } from "../../../compose/containers/start.js";
import type { RunEvent } from "../../../compose/events.js";
import type { UpMesh } from "../../../compose/up-mesh.js";
import { CliProcess } from "../commands/cli-process.js";
import { runMain } from "../commands/run-main.js";
import { copyDemo, type DemoCopy, ownMesh } from "../mesh/demo-copy.js";

const WAIT = { timeout: 60_000, interval: 100 };
const LONG = { timeout: 170_000 };
const why = await whyNoContainers();

interface Answer {
  readonly version: string;
  readonly calls: Readonly<Record<string, Answer>>;
}

describe.skipIf(why !== undefined)(`a mesh in containers${why === undefined ? "" : `: ${why}`}`, () => {
  let demo: DemoCopy;
  beforeAll(async () => {
    demo = await copyDemo();
    await chmod(demo.folder, 0o755);
  });
  afterAll(() => demo?.[Symbol.asyncDispose]());

  /** Other tests may have meshes of the same names in the engine. */
  const runOf = (mesh: string) => `label=${RUN_LABEL}=${path.join(demo.folder, ".meshwright", mesh)}`;

  /** The containers and networks of the meshes in this test's folder. */
  async function left(): Promise<readonly string[]> {
    const found = await Promise.all(
      ["demo", "own"].flatMap((mesh) => {
        const filter = ["--filter", runOf(mesh)];
        return [
          docker(["ps", "--all", ...filter, "--format", "{{.Names}}"]),
          docker(["network", "ls", ...filter, "--format", "{{.Name}}"]),
        ];
      }),
    );
    return found.flatMap(({ output }) => output.split("\n").filter((line) => line !== ""));
  }

  describe("while it runs", LONG, () => {
    let mesh: UpMesh;
    const events: RunEvent[] = [];
    beforeAll(async () => {
      const { file, folder } = demo;
      mesh = await startContainers({
        file,
        gatewayPort: 0,
        cwd: folder,
        onEvent: (event) => events.push(event),
      });
    });
    afterAll(async () => {
      await mesh?.stop();
      expect(await left()).toEqual([]);
    });

    const get = (where: string, headers: Record<string, string> = {}) =>
      fetch(`${mesh.gatewayUrl}${where}`, { headers });
    const orders = async (headers: Record<string, string>) =>
      ((await (await get("/", headers)).json()) as Answer).calls.orders?.version;

    /** A busy machine may take longer than orders may. */
    const servedBy = (version: string) =>
      expect.poll(() => orders({ "x-user-type": "premium" })).toBe(version);

    async function edit(
      from: string | RegExp,
      to: string,
      kind: RunEvent["kind"],
    ): Promise<RunEvent | undefined> {
      const count = () => events.filter((event) => event.kind === kind).length;
      const before = count();
      const text = await readFile(demo.file, "utf8");
      expect(text).toMatch(from);
      await writeFile(demo.file, text.replace(from, to));
      await expect.poll(() => count()).toBeGreaterThan(before);
      return events.findLast((event) => event.kind === kind);
    }

    it("answers, and counts the requests of each version", async () => {
      await servedBy("v2");
      await vi.waitFor(async () => {
        const figures = await mesh.figures();
        const v2 = figures.find((each) => each.service === "orders" && each.version === "v2");
        expect(v2?.ok).toBeGreaterThan(0);
      }, WAIT);
    });

    it("gives Envoys lean builds of the modules where settings need no more", async () => {
      const envoys = path.join(demo.folder, ".meshwright", "demo", "envoys");
      const texts = (await readdir(envoys, { recursive: true }))
        .filter((file) => path.basename(file).startsWith("filter."))
        .map((file) => readFile(path.join(envoys, file), "utf8"));
      expect((await Promise.all(texts)).join("\n")).toMatch(
        /\/modules\/header-routing\.lean-[0-9a-f]+\.wasm/,
      );
    });

    it("applies settings, routes and versions without losing a request", async () => {
      const statuses = new Set<number>();
      let editing = true;
      const load = async (where: string, seen = new Set<number>()) => {
        while (editing) seen.add((await get(where)).status);
      };
      // No connection fails. A busy machine may take longer for orders than their timeout.
      const clients = [load("/chat", statuses), load("/")];
      const applied = await edit(/(premium \}\] \}\n\s+destination: )v2/, "$1v1", "applied");
      expect(applied).toMatchObject({ places: ["storefront_v1"] });
      await servedBy("v1");
      await edit("    timeout: 3s\n", "    timeout: 2s\n", "applied");
      await edit(
        "    - prefix: /\n",
        "    - prefix: /hall\n      service: chat\n    - prefix: /\n",
        "applied",
      );
      expect(await (await get("/hall")).json()).toMatchObject({ service: "chat" });
      await edit(
        "      v2: { command: [node, services/orders.js] }\n    default: v1",
        "      v2: { command: [node, services/orders.js] }\n      v3: { command: [node, services/orders.js] }\n    default: v3",
        "applied",
      );
      const end = await edit(
        "destination: v1\n            - name: beta",
        "destination: v3\n            - name: beta",
        "applied",
      );
      expect(end).toMatchObject({ places: ["storefront_v1"] });
      await servedBy("v3");
      editing = false;
      await Promise.all(clients);
      expect([...statuses]).toEqual([200]);
    });

    it("refuses an edit that Envoy refuses, and what ran goes on everywhere", async () => {
      const good = await readFile(demo.file, "utf8");
      const native =
        'filters: # for the whole mesh\n  - filter: native\n    at: [gateway]\n    config: { name: envoy.filters.http.cors, typed_config: { "@type": type.googleapis.com/no.such.Type } }\n';
      const refused = await edit("filters: # for the whole mesh\n", native, "refused");
      expect(refused).toMatchObject({ places: ["gateway"], reason: expect.stringContaining("no.such.Type") });
      expect((await get("/")).status).toBe(200);
      await writeFile(demo.file, good);
    });

    it("refuses a file with a mistake, and says where", async () => {
      const good = await readFile(demo.file, "utf8");
      const refused = await edit("weight: 90", "weight: ninety", "file-refused");
      expect(refused).toMatchObject({
        lines: [expect.stringMatching(/mesh\.yaml:\d+:\d+: services\.orders/)],
      });
      await writeFile(demo.file, good);
    });

    it("starts an Envoy, a service and a pod again that were killed under traffic", async () => {
      const others = new Set<number>();
      let killing = true;
      const load = async (where: string, seen = new Set<number>()) => {
        while (killing) seen.add((await get(where)).status);
      };
      // Who does not need what was killed notices nothing.
      const clients = [load("/chat", others), load("/"), load("/api/v1")];
      for (const [what, service] of [
        ["Envoy payments_v1", "payments_v1-sidecar"],
        ["service payments_v1", "payments_v1-app"],
        ["pod payments_v1", "payments_v1"],
      ] as const) {
        const found = await docker([
          "ps",
          "--quiet",
          "--filter",
          `label=com.docker.compose.service=${service}`,
          "--filter",
          runOf("demo"),
        ]);
        expect(found.output.trim()).toMatch(/^[0-9a-f]+$/);
        await docker(["kill", found.output.trim()]);
        await vi.waitFor(
          () => expect(events).toContainEqual(expect.objectContaining({ kind: "restarted", what })),
          WAIT,
        );
        await expect.poll(async () => (await get("/api/v1")).status).toBe(200);
      }
      killing = false;
      await Promise.all(clients);
      expect([...others]).toEqual([200]);
    });

    it("is not started twice", async () => {
      const second = await runMain(["up", demo.file, "--port", "0", "--engine", "container"], demo.folder);
      expect(second.exitCode).toBe(8);
      expect((await get("/")).status).toBe(200);
    });
  });

  describe("as a command", LONG, () => {
    const up = (file: string, ...args: string[]) =>
      new CliProcess(["up", file, "--port", "0", "--engine", "container", ...args], demo.folder);
    const write = async (name: string, text: string) => {
      const file = path.join(demo.folder, name);
      await writeFile(file, text);
      return file;
    };
    const SERVER = `require("node:http").createServer((q, r) => r.end("ok")).listen(process.env.PORT, "127.0.0.1")`;

    it("says which service ends before it is ready, with its last lines", async () => {
      const file = await write(
        "ends.yaml",
        ownMesh(["node", "-e", "console.error('no database'); process.exit(3)"]),
      );
      await using command = up(file);
      expect(await command.exited).toBe(6);
      expect(command.stderr).toMatch(/^meshwright: service app_v1 ended with code 3 before it was ready/);
      expect(command.stderr).toContain("no database");
      expect(await left()).toEqual([]);
    });

    it("says which service never listens", async () => {
      const file = await write("deaf.yaml", ownMesh(["node", "-e", "setInterval(() => {}, 1000)"]));
      await using command = up(file);
      expect(await command.exited).toBe(6);
      expect(command.stderr).toMatch(/^meshwright: service app_v1 does not take connections on its port/);
      expect(await left()).toEqual([]);
    });

    it("says that the gateway's port is taken, before anything starts", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const file = await write("own.yaml", ownMesh(["node", "-e", SERVER]));
      const result = await runMain(
        ["up", file, "--port", String(port), "--engine", "container"],
        demo.folder,
      );
      server.close();
      expect(result.exitCode).toBe(7);
      expect(result.stderr).toContain(`port ${port} of the gateway`);
    });

    it("says which command has no image", async () => {
      const file = await write("none.yaml", ownMesh(["./server"]));
      const result = await runMain(["up", file, "--engine", "container"], demo.folder);
      expect(result.exitCode).toBe(1);
      expect(result.stderr).toMatch(/services\.app\.versions\.v1: has no image to run in/);
    });

    it("leaves nothing after Ctrl-C while it starts, after Ctrl-C, and after a kill", async () => {
      const file = await write("own.yaml", ownMesh(["node", "-e", SERVER]));
      {
        await using starting = up(file);
        await starting.until(/Starting containers/);
        starting.kill("SIGINT");
        expect(await starting.exited).toBe(130);
        expect(await left()).toEqual([]);
      }
      {
        await using running = up(file);
        await running.until(/The mesh "own" runs on .* in containers/);
        running.kill("SIGINT");
        expect(await running.exited).toBe(0);
        expect(await left()).toEqual([]);
      }
      {
        await using killed = up(file);
        await killed.until(/The mesh "own" runs on/);
        killed.kill("SIGKILL");
        await killed.exited;
        await expect.poll(() => left()).toEqual([]);
      }
    });
  });

  describe("without a working engine", () => {
    afterEach(() => vi.unstubAllEnvs());

    const bad = (env: Record<string, string>) => {
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
      return runMain(["up", demo.file, "--engine", "container"], demo.folder);
    };

    it("says that none answers", async () => {
      const result = await bad({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
      expect(result.exitCode).toBe(4);
      expect(result.stderr).toMatch(
        /no container engine answers here: start Docker, or start with --engine process/,
      );
    });

    it.skipIf(process.getuid?.() !== 0)("says that this user may not use it (needs root)", async () => {
      const folder = path.join(demo.folder, "nobody");
      await mkdir(folder);
      // The real docker, as somebody who may not open the engine's socket.
      const real = execFileSync("sh", ["-c", "command -v docker"], { encoding: "utf8" }).trim();
      const script = `#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups ${real} "$@"\n`;
      await writeFile(path.join(folder, "docker"), script, { mode: 0o755 });
      const result = await bad({ PATH: `${folder}:${process.env.PATH}` });
      expect(result.exitCode).toBe(4);
      expect(result.stderr).toMatch(/this user may not use the container engine: join the group docker/);
    });

    it("says that docker is not installed", async () => {
      const result = await bad({ PATH: "/nowhere" });
      expect(result.exitCode).toBe(10);
      expect(result.stderr).toMatch(/docker is not installed here/);
    });

    it("says that compose is not installed", async () => {
      const result = await bad({ DOCKER_CONFIG: "/nowhere" });
      expect(result.exitCode).toBe(10);
      expect(result.stderr).toMatch(/`docker compose` is not installed here/);
    });
  });
});
