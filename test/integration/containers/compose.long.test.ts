// compose/docker-compose.yaml as people run it, by `docker compose` alone: traffic of every kind,
// who reaches a service, what the containers may do, and a change of configuration.

import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { WebSocket } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { demoFiles } from "../../../compose/containers/demo.js";
import { docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { writeAtomically } from "../../../envoy/runtime/atomic-file.js";
import { type ComposeProjectCopy, copyProject } from "../../support/compose-project.js";

const WAIT = { timeout: 20_000, interval: 100 };
const why = await whyNoContainers();

interface Answer {
  readonly service: string;
  readonly version: string;
  readonly calls: Readonly<Record<string, Answer>>;
}

describe.skipIf(why !== undefined)(`the demo by docker compose${why === undefined ? "" : `: ${why}`}`, () => {
  let project: ComposeProjectCopy;

  beforeAll(async () => {
    project = await copyProject();
    await project.compose(["up", "--detach", "--wait"]);
  });
  afterAll(() => project?.[Symbol.asyncDispose]());

  const get = (where: string, headers: Record<string, string> = {}) =>
    fetch(`${project.gateway}${where}`, { headers });

  async function answer(where: string, headers: Record<string, string> = {}): Promise<Answer> {
    return (await (await get(where, headers)).json()) as Answer;
  }

  it.each([
    ["a premium user", "/", { "x-user-type": "premium" }, "v2"],
    ["/api/v1", "/api/v1", {}, "v1"],
    ["/api/v2", "/api/v2", {}, "v2"],
    ["a client that names the destination itself", "/api/v1", { "x-mesh-destination": "v2" }, "v1"],
  ])("sends %s to the right version of orders", async (_who, where, headers, version) => {
    expect((await answer(where, headers as Record<string, string>)).calls.orders?.version).toBe(version);
  });

  it("calls stock over gRPC", async () => {
    const { orders } = (await answer("/api/v2")).calls;
    expect(orders?.calls.stock).toEqual({ left: { tea: 12, mug: 3 } });
  });

  it("carries what is said over a WebSocket to a reader of server-sent events", async () => {
    const events = await get("/chat/events");
    expect(events.headers.get("content-type")).toBe("text/event-stream");
    const socket = new WebSocket(`${project.gateway.replace("http", "ws")}/chat/socket`);
    const echoed = new Promise<string>((resolve, reject) => {
      socket.addEventListener("message", ({ data }) => resolve(String(data)));
      socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
    });
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.send("hello there");
    expect(JSON.parse(await echoed)).toMatchObject({ text: "hello there" });
    expect(await untilText(events, "data: hello there")).toContain("data: hello there");
    socket.close();
  });

  it("fails the users without luck, and nobody else", async () => {
    expect((await get("/api/v1", { "x-user-id": "user-4" })).status).toBe(502);
    expect((await get("/api/v1", { "x-user-id": "user-7" })).status).toBe(200);
  });

  it("limits each user", async () => {
    const asked = Array.from({ length: 30 }, () => get("/", { "x-user-id": "eager" }));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses).toContain(429);
    expect(statuses).toContain(200);
  });

  it("carries one trace through every hop, as the access logs tell", async () => {
    const id = randomUUID();
    const response = await get("/api/v1", { "x-request-id": id });
    const hops = await vi.waitFor(async () => {
      const logs = await project.compose(["logs", "--no-log-prefix", "--since", "5m"]);
      const lines = logs.split("\n").filter((line) => line.startsWith("{") && line.includes(id));
      expect(lines).toHaveLength(7);
      return lines.map((line) => JSON.parse(line) as Record<string, string>);
    }, WAIT);
    expect(new Set(hops.map((hop) => hop["x-b3-traceid"]))).toEqual(
      new Set([response.headers.get("x-trace-id")]),
    );
    const spans = new Set(hops.map((hop) => hop["x-b3-spanid"]));
    expect(spans.size).toBe(7);
    expect(hops.filter((hop) => !spans.has(hop["x-b3-parentspanid"])).map(({ hop }) => hop)).toEqual([
      "gateway/public",
    ]);
  });

  describe("who reaches a service", () => {
    const connects = (from: string, host: string, port: number) =>
      project
        .exec(from, ["/bin/bash", "-c", `exec 3<>/dev/tcp/${host}/${port}`])
        .then(() => "connects")
        .catch(
          (error: Error) =>
            /Connection refused|Name or service|Network is unreachable/.exec(error.message)?.[0],
        );

    it.each(["storefront_v1-sidecar", "payments_v1-app", "gateway"])(
      "nobody but its own sidecar: not %s",
      async (from) => {
        expect(await connects(from, "orders_v1", 15_006)).toBe("connects");
        expect(await connects(from, "orders_v1", 8080)).toBe("Connection refused");
        expect(await connects(from, "orders_v1", 15_000)).toBe("Connection refused");
      },
    );

    it("not another container in the mesh's network, and not this machine", async () => {
      const image = (await docker(["inspect", "--format", "{{.Image}}", `${project.name}-gateway-1`])).output;
      const facts = await docker([
        "inspect",
        "--format",
        "{{json .NetworkSettings.Networks}}",
        `${project.name}-orders_v1-1`,
      ]);
      const [network] = Object.values(JSON.parse(facts.output) as Record<string, { IPAddress: string }>);
      const tries = (host: string, port: number) => {
        const script = `exec 3<>/dev/tcp/${host}/${port}`;
        const place = ["--rm", "--network", `${project.name}_mesh`, "--entrypoint", "/bin/bash"];
        return docker(["run", ...place, image.trim(), "-c", script]);
      };
      expect((await tries("orders_v1", 15_006)).outcome).toBe("done");
      expect((await tries("orders_v1", 8080)).output).toContain("Connection refused");
      await expect(fetch(`http://${network?.IPAddress}:8080/healthz`)).rejects.toThrow();
    });

    it("lets nobody out: services have no way to other networks", async () => {
      const facts = await docker([
        "inspect",
        "--format",
        "{{json .NetworkSettings.Networks}}",
        `${project.name}-gateway-1`,
      ]);
      const networks = JSON.parse(facts.output) as Record<string, { readonly IPAddress: string }>;
      const tries = (name: string) => {
        const host = networks[`${project.name}_${name}`]?.IPAddress ?? "";
        const script = `net.connect({ host: "${host}", port: 10000, timeout: 2000 })
          .on("connect", () => end("connects")).on("timeout", () => end("no way")).on("error", () => end("no way"));
          function end(how) { console.log(how); process.exit(); }`;
        return project.exec("storefront_v1-app", ["node", "-e", script]);
      };
      expect(await tries("mesh")).toBe("connects\n");
      expect(await tries("edge")).toBe("no way\n");
    });

    it("shows statistics, and takes no orders", async () => {
      const stats = await fetch(`${project.status}/envoys/orders_v1/stats?filter=downstream_rq_total`);
      expect(await stats.text()).toMatch(/http\.inbound\.downstream_rq_total: \d+/);
      expect((await fetch(`${project.status}/ready`)).status).toBe(200);
      for (const [where, method] of [
        ["/stats", "POST"],
        ["/quitquitquit", "POST"],
        ["/envoys/orders_v1/quitquitquit", "POST"],
        ["/config_dump", "GET"],
        ["/stats/../quitquitquit", "GET"],
        ["/stats/%2e%2e/config_dump", "GET"],
      ] as const) {
        expect((await fetch(`${project.status}${where}`, { method })).status, where).toBe(404);
      }
    });
  });

  it("gives no container more than it needs", async () => {
    const ids = (await project.compose(["ps", "--all", "--quiet"])).trim().split("\n");
    const found = await docker(["inspect", ...ids]);
    const containers = JSON.parse(found.output) as {
      readonly Name: string;
      readonly Config: { readonly User: string };
      readonly HostConfig: Record<string, unknown>;
      readonly Mounts: readonly { readonly RW: boolean; readonly Destination: string }[];
    }[];
    expect(containers.length).toBe(20);
    for (const { Name, Config, HostConfig, Mounts } of containers) {
      expect(HostConfig, Name).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: null,
        Privileged: false,
        SecurityOpt: ["no-new-privileges:true"],
      });
      expect(Number(HostConfig.Memory), Name).toBeGreaterThan(0);
      expect(Number(HostConfig.NanoCpus), Name).toBeGreaterThan(0);
      expect(Config.User, Name).toMatch(/^[1-9]/);
      expect(
        Mounts.filter(({ RW }) => RW),
        Name,
      ).toEqual([]);
    }
  });

  it("takes a change of its files while it runs, and loses no request", async () => {
    const mesh = path.join(project.folder, "mesh.yaml");
    const change = async (from: RegExp, to: string) => {
      const text = await readFile(mesh, "utf8");
      expect(text).toMatch(from);
      await writeFile(mesh, text.replace(from, to));
      for (const [file, content] of await demoFiles(project.folder)) {
        await writeAtomically(path.join(project.folder, file), content);
      }
    };
    const premium = async () => (await answer("/", { "x-user-type": "premium" })).calls.orders?.version;
    const statuses = new Set<number>();
    let changing = true;
    const load = async () => {
      while (changing) statuses.add((await get("/api/v1")).status);
    };
    const clients = [load(), load()];
    expect(await premium()).toBe("v2");
    await change(/(premium \}\] \}\n\s+destination: )v2/, "$1v1");
    await expect.poll(() => premium()).toBe("v1");
    await change(/default: v1\n/, "default: v2\n");
    changing = false;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
  });

  it("starts an Envoy or an app that ends again, and each finds the other", async () => {
    for (const service of ["orders_v1-sidecar", "orders_v1-app"]) {
      const container = `${project.name}-${service}-1`;
      const restarts = async () =>
        Number((await docker(["inspect", "--format", "{{.RestartCount}}", container])).output);
      await project.exec(service, ["/bin/bash", "-c", "kill -TERM 1"]).catch(() => {});
      await expect.poll(() => restarts()).toBe(1);
      await expect.poll(async () => (await answer("/api/v1")).calls.orders?.version).toBe("v1");
    }
  });
});

describe.skipIf(why !== undefined)("the demo by docker compose, without modules", () => {
  it("says in one line what to do", async () => {
    const empty = await mkdtemp(path.join(tmpdir(), "modules-"));
    await chmod(empty, 0o755);
    await using bare = await copyProject({ MODULES: empty });
    const said = await bare.compose(["up", "modules"]);
    expect(said).toContain(
      "/modules/circuit-breaker.wasm is missing: build the filters first, by npm run build",
    );
    await expect(bare.compose(["up", "--detach", "gateway"])).rejects.toThrow(/modules/);
    await rm(empty, { recursive: true });
    await using none = await copyProject({ MODULES: empty });
    await expect(none.compose(["up", "modules"])).rejects.toThrow(
      `bind source path does not exist: ${empty}`,
    );
  });
});

/** What a response has said until this text comes. */
async function untilText(response: Response, text: string): Promise<string> {
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    said += decoder.decode(chunk as Uint8Array, { stream: true });
    if (said.includes(text)) break;
  }
  return said;
}
