// `meshwright up` around a compose project of services that know nothing of a mesh: what passes,
// who reaches whom, edits, ends, and what is left.

import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { LOG_FILE } from "../../../compose/containers/container-logs.js";
import { docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { startContainers } from "../../../compose/containers/start.js";
import type { RunEvent } from "../../../compose/events.js";
import type { UpMesh } from "../../../compose/up-mesh.js";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { amount } from "../../support/amount.js";
import { type AroundCopy, copyAround } from "../../support/around-copy.js";
import { runMain } from "../commands/run-main.js";

const WAIT = { timeout: 90_000, interval: 200 };
const LONG = { timeout: 280_000 };
const MEGABYTE = 1024 * 1024;
/** The address from which a sidecar calls its app. */
const SIDECAR = /127\.0\.0\.6$/;
const why = await whyNoContainers();

interface Answer {
  readonly status?: number;
  readonly text?: string;
  readonly grpc?: string;
  readonly error?: string;
}

interface Facts {
  readonly version: string;
  readonly remoteAddress: string;
  readonly price?: string;
  readonly bytes: number;
  readonly sha256: string;
}

describe.skipIf(why !== undefined)(
  `a mesh around a project${why === undefined ? "" : `: ${why}`}`,
  LONG,
  () => {
    let around: AroundCopy;
    let mesh: UpMesh;
    const events: RunEvent[] = [];

    beforeAll(async () => {
      around = await copyAround();
      const { file, folder: cwd } = around;
      mesh = await startContainers({ file, cwd, onEvent: (event) => events.push(event) });
    }, LONG.timeout);
    afterAll(async () => {
      await mesh?.stop();
      await around?.[Symbol.asyncDispose]();
    }, LONG.timeout);

    const query = (settings: Readonly<Record<string, string | number>>) =>
      new URLSearchParams(
        Object.entries(settings).map(([name, value]): [string, string] => [name, String(value)]),
      );

    /** What the caller gets when it calls another service. */
    async function call(kind: string, settings: Readonly<Record<string, string | number>>): Promise<Answer> {
      const response = await fetch(`${mesh.gatewayUrl}/${kind}?${query(settings)}`);
      return (await response.json()) as Answer;
    }

    async function facts(url: string, want = "one"): Promise<Facts> {
      return JSON.parse((await call("fetch", { url, want })).text ?? "") as Facts;
    }

    /** The count of a statistic in an Envoy. */
    async function count(envoy: string, stat: string): Promise<number> {
      const stats = await new AdminClient(`${mesh.statsUrl}/envoys/${envoy}`).stats(
        `^${stat.replaceAll(".", "\\.")}$`,
      );
      return stats.get(stat) ?? 0;
    }

    /** What a container of the project says when a script of Node runs in it. */
    async function inside(service: string, script: string): Promise<string> {
      return (await around.compose("exec", "-T", service, "node", "-e", script)).trim();
    }

    const connects = (service: string, host: string, port: number) =>
      inside(
        service,
        `require("net").connect(${port}, "${host}").on("connect", () => { console.log("connects"); process.exit() }).on("error", (e) => console.log(e.code))`,
      );

    describe("passes", () => {
      it.each(["target", "target-alias", "nickname"])("HTTP/1.1, by the name %s", async (name) => {
        const before = await count("caller_v1", "cluster.target_v1.upstream_rq_completed");
        const got = await facts(`http://${name}:8080/path`);
        expect(got).toMatchObject({ version: "one", url: "/path", host: `${name}:8080`, price: "a $ sign" });
        expect(got.remoteAddress).toMatch(SIDECAR);
        expect(await count("caller_v1", "cluster.target_v1.upstream_rq_completed")).toBe(before + 1);
      });

      it("to the version that a filter chooses", async () => {
        expect((await facts("http://target:8080/", "two")).version).toBe("two");
        expect((await facts("http://target:8080/", "one")).version).toBe("one");
      });

      it("HTTP/2 and gRPC, with trailers", async () => {
        const sent = { url: "http://h2:8080/echo.Echo/Say", send: "hello" };
        expect(await call("h2", sent)).toEqual({ status: 200, text: "hello", grpc: "0" });
        expect(await call("h2", { url: "http://h2:8080/echo.Echo/Missing" })).toMatchObject({
          status: 200,
          grpc: "5",
        });
        await vi.waitFor(async () => {
          const figures = (await mesh.figures()).find(({ service }) => service === "h2");
          expect(figures).toMatchObject({ requests: 2, ok: 1, clientErrors: 1 });
        }, WAIT);
      });

      it("a WebSocket", async () => {
        const answer = await call("ws", { url: "http://target:8080/socket", send: "psst" });
        expect(answer).toEqual({ status: 101, text: "PSST" });
      });

      it("server-sent events, each when it is sent", async () => {
        const url = encodeURIComponent("http://target:8080/events");
        const events = await fetch(`${mesh.gatewayUrl}/pipe?url=${url}`);
        const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
        expect((await reader?.read())?.value).toBe("data: first\n\n");
        await call("fetch", { url: "http://target:8080/tell" });
        expect((await reader?.read())?.value).toBe("data: second\n\n");
        await reader?.cancel();
      });

      it.each(["target", "python"])("an upload of 200 MB to %s", async (name) => {
        const chunk = randomBytes(MEGABYTE);
        const chunks = amount(200, 200);
        const digest = createHash("sha256");
        for (let i = 0; i < chunks; i++) digest.update(chunk);
        const body = Readable.from(Array.from({ length: chunks }, () => chunk));
        const url = encodeURIComponent(`http://${name}:8080/upload`);
        const response = await fetch(`${mesh.gatewayUrl}/pipe?url=${url}`, {
          method: "POST",
          body: Readable.toWeb(body) as ReadableStream,
          duplex: "half",
          headers: { "content-length": String(chunks * MEGABYTE) },
        } as RequestInit);
        expect(await response.text()).toContain(digest.digest("hex"));
      });

      it("a database: Redis, which takes what comes by a sidecar for another machine's", async () => {
        const before = await count("caller_v1", "cluster.redis_v1.upstream_cx_total");
        const redis = { host: "redis", port: 6379 };
        // Protected mode believes what comes from this machine, and nobody else.
        expect((await call("tcp", redis)).text).toMatch(/^-DENIED/);
        await around.compose("exec", "-T", "redis", "redis-cli", "config", "set", "protected-mode", "no");
        expect((await call("tcp", { ...redis, send: "PING\r\n" })).text).toBe("+PONG\r\n");
        expect(await count("caller_v1", "cluster.redis_v1.upstream_cx_total")).toBe(before + 2);
      });

      it("a server that speaks first", async () => {
        expect((await call("tcp", { host: "greeter", port: 3306 })).text).toMatch(
          /^greetings to .*127\.0\.0\.6$/,
        );
      });
    });

    describe("who reaches whom", () => {
      it("a service outside of the mesh, through the sidecar of the one that it calls", async () => {
        const before = await count("target_v1", "cluster.app.upstream_rq_completed");
        const script = 'fetch("http://target:8080/").then((r) => r.text()).then(console.log)';
        expect((JSON.parse(await inside("stranger", script)) as Facts).remoteAddress).toMatch(SIDECAR);
        expect(await count("target_v1", "cluster.app.upstream_rq_completed")).toBe(before + 1);
      });

      it("one sidecar another by mutual TLS", async () => {
        await facts("http://target:8080/");
        expect(await count("caller_v1", "cluster.target_v1.ssl.handshake")).toBeGreaterThan(0);
        expect((await call("tcp", { host: "greeter", port: 3306 })).text).toContain("greetings");
        expect(await count("caller_v1", "cluster.greeter_v1.ssl.handshake")).toBeGreaterThan(0);
      });

      it("a published port, through the sidecar", async () => {
        const address = (await around.compose("port", "caller_v1", "8080")).trim();
        const before = await count("caller_v1", "cluster.app.upstream_rq_completed");
        expect(await (await fetch(`http://${address}/`)).text()).toBe("caller");
        expect(await count("caller_v1", "cluster.app.upstream_rq_completed")).toBe(before + 1);
      });

      it("what is not called goes to the network as before", async () => {
        const answer = await call("fetch", { url: "http://stranger:8080/" });
        expect(answer).toEqual({ status: 200, text: "caller" });
        expect((await facts("http://target-next:8080/")).version).toBe("two");
      });

      it("nobody reaches Envoy's admin interface, or goes around a sidecar to another", async () => {
        expect(await connects("caller", "127.0.0.1", 15_000)).toBe("ECONNREFUSED");
        expect(await connects("caller", "target_v1", 15_006)).toBe("ECONNREFUSED");
        expect(await connects("caller", "target_v1", 15_021)).toBe("ECONNREFUSED");
        expect(await connects("stranger", "target_v1", 15_000)).toBe("ECONNREFUSED");
      });

      it("a called name at another port meets nobody, and never the app itself", async () => {
        expect(await connects("caller", "greeter", 8080)).toBe("ECONNREFUSED");
        expect(await connects("caller", "target", 9)).toBe("ECONNREFUSED");
      });

      it("an app is what it was: its host's name, its settings of the kernel, its own address", async () => {
        expect(await inside("caller", "console.log(os.hostname())")).toBe("caller-host");
        const setting = 'console.log(fs.readFileSync("/proc/sys/net/core/somaxconn", "utf8"))';
        expect(await inside("caller", setting)).toBe("511");
        expect(await connects("target", "127.0.0.1", 8080)).toBe("connects");
        expect(await connects("target", "target", 8080)).toBe("connects");
      });

      it("each sidecar is a user of its own, and no app has more rights than before", async () => {
        const format = "{{.Config.User}} {{.HostConfig.CapAdd}} {{.HostConfig.Privileged}}";
        const users = await Promise.all(
          ["caller_v1", "target_v1", "target_v2"].map(async (pod) => {
            const name = `${around.project}-${pod}-sidecar-1`;
            return (await docker(["inspect", "--format", format, name])).output.trim();
          }),
        );
        expect(new Set(users).size).toBe(3);
        for (const user of users) expect(user).toMatch(/^[2-5]\d{4}:[2-5]\d{4} \[\] false$/);
        const app = await docker(["inspect", "--format", format, `${around.project}-caller-1`]);
        expect(app.output.trim()).toBe("[] false");
      });
    });

    it("says that a service runs once that compose would run twice", async () => {
      expect(events).toContainEqual({
        kind: "progress",
        text: "target-next runs once in the mesh, and not 2 times",
      });
    });

    it("belongs to its owner's project: compose lists it, shows its logs, and runs programs in it", async () => {
      const services = (await around.compose("ps", "--services")).split("\n");
      expect(services).toEqual(expect.arrayContaining(["caller", "redis", "stranger"]));
      expect(await around.compose("exec", "-T", "redis", "redis-cli", "set", "kept", "yes")).toContain("OK");
    });

    it("is not started twice, from whichever folder", async () => {
      const inPlace = await runMain(["up", around.file, "--engine", "container"], around.folder);
      expect(inPlace.exitCode).toBe(8);
      await using other = await copyAround();
      const elsewhere = await runMain(["up", around.file, "--engine", "container"], other.folder);
      expect(elsewhere.exitCode).toBe(8);
      expect(elsewhere.stderr).toContain(`runs in a mesh already, from ${around.folder}/.meshwright/around`);
      expect((await facts("http://target:8080/")).version).toBe("one");
    });

    it("takes a new version while it runs, and shows what its filters write", async () => {
      const statuses = new Set<number | undefined>();
      let isOver = false;
      const load = (async () => {
        while (!isOver) statuses.add((await call("fetch", { url: "http://target:8080/" })).status);
      })();
      await around.edit(
        "mesh.yaml",
        "v2: { compose: target-next } }",
        "v2: { compose: target-next }, v3: { compose: target-last } }",
      );
      await vi.waitFor(
        () => expect(events).toContainEqual(expect.objectContaining({ kind: "applied" })),
        WAIT,
      );
      await around.edit("mesh.yaml", "destination: v2", "destination: v3");
      await vi.waitFor(
        async () => expect((await facts("http://target:8080/", "two")).version).toBe("three"),
        WAIT,
      );
      isOver = true;
      await load;
      expect([...statuses]).toEqual([200]);
      const logs = path.join(around.folder, ".meshwright", "around", LOG_FILE);
      await vi.waitFor(
        async () => expect(await readFile(logs, "utf8")).toMatch(/^target_v3-sidecar-1 /m),
        WAIT,
      );
    });

    it("refuses an edit that names a service that compose does not have", async () => {
      await around.edit("mesh.yaml", "{ compose: python }", "{ compose: pyhton }");
      await vi.waitFor(() => {
        const refused = events.find(({ kind }) => kind === "file-refused");
        expect(refused).toMatchObject({
          lines: [expect.stringMatching(/mesh\.yaml:\d+:\d+: .*no service "pyhton"; did you mean "python"/)],
        });
      }, WAIT);
      await around.edit("mesh.yaml", "{ compose: pyhton }", "{ compose: python }");
    });

    it.each([
      ["Envoy target_v1", "target_v1-sidecar"],
      ["service target_v1", "target"],
      ["pod target_v1", "target_v1"],
    ])("starts what is killed again: %s", async (what, service) => {
      await docker(["kill", `${around.project}-${service}-1`]);
      await vi.waitFor(
        () => expect(events).toContainEqual(expect.objectContaining({ kind: "restarted", what })),
        WAIT,
      );
      await vi.waitFor(async () => {
        const got = await facts("http://target:8080/");
        expect(got.version).toBe("one");
        expect(got.remoteAddress).toMatch(SIDECAR);
      }, WAIT);
    });

    it("ends without a trace, and leaves the volume", async () => {
      await mesh.stop();
      const left = await docker([
        "ps",
        "--all",
        "--quiet",
        "--filter",
        `label=com.docker.compose.project=${around.project}`,
      ]);
      expect(left.output).toBe("");
      const networks = await docker([
        "network",
        "ls",
        "--quiet",
        "--filter",
        `label=com.docker.compose.project=${around.project}`,
      ]);
      expect(networks.output).toBe("");
      const volume = await docker(["volume", "inspect", `${around.project}_data`]);
      expect(volume.outcome).toBe("done");
    });
  },
);
