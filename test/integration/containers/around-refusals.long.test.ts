// `meshwright up` around a compose project that cannot run so: one clear error, nothing that stays,
// and nothing of the project's owner that is touched.

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type AroundCopy, copyAround } from "../../support/around-copy.js";
import { CliProcess } from "../commands/cli-process.js";
import { runMain } from "../commands/run-main.js";

const LONG = { timeout: 280_000 };
const WAIT = { timeout: 90_000, interval: 200 };
const why = await whyNoContainers();

describe.skipIf(why !== undefined)(
  `a project that refuses a mesh${why === undefined ? "" : `: ${why}`}`,
  LONG,
  () => {
    let around: AroundCopy;
    beforeAll(async () => {
      around = await copyAround();
    }, LONG.timeout);
    afterAll(() => around?.[Symbol.asyncDispose](), LONG.timeout);

    const up = (...args: readonly string[]) => runMain(["up", around.file, ...args], around.folder);

    /** Runs a test on an edited file, which gets its old text back. */
    async function edited(file: string, from: string, to: string, test: () => Promise<void>): Promise<void> {
      await around.edit(file, from, to);
      try {
        await test();
      } finally {
        await around.edit(file, to, from);
      }
    }

    async function containers(): Promise<readonly string[]> {
      const filter = `label=com.docker.compose.project=${around.project}`;
      const { output } = await docker(["ps", "--all", "--filter", filter, "--format", "{{.Names}}"]);
      return output.split("\n").filter((line) => line !== "");
    }

    it.each([
      [
        "mesh.yaml",
        "{ compose: python }",
        "{ compose: pyhton }",
        1,
        /mesh\.yaml:\d+:\d+: services\.python\.versions\.v1\.compose: compose has no service "pyhton"; did you mean "python"\?/,
      ],
      [
        "compose.yaml",
        "command: node greeter.js",
        "command: node greeter.js, network_mode: host",
        1,
        /mesh\.yaml:\d+:\d+: services\.greeter\.versions\.v1\.compose: greeter has network_mode host: it has the network of the machine/,
      ],
      ["compose.yaml", "scale: 2", "scales: 2", 1, /compose refuses the project in \S+: .*scales/],
      ["compose.yaml", "PYTHON_IMAGE}", "NOT_SET:?say the image}", 1, /compose refuses .*say the image/],
      ["mesh.yaml", "name: around", "name: around\ncompose: [no.yaml]", 1, /compose refuses .*no\.yaml/],
    ])("says what is wrong: %s: %s → %s", async (file, from, to, exitCode, expected) => {
      await edited(file, from, to, async () => {
        const result = await up();
        expect(result.stderr).toMatch(expected);
        expect(result.exitCode).toBe(exitCode);
      });
      expect(await containers()).toEqual([]);
    });

    it("needs containers, and says so", async () => {
      const result = await up("--engine", "process");
      expect(result.stderr).toMatch(
        /caller is a service of compose, and runs in containers alone: start Docker/,
      );
      vi.stubEnv("DOCKER_HOST", "unix:///nowhere/docker.sock");
      const without = await up().finally(() => vi.unstubAllEnvs());
      expect(without.stderr).toMatch(/^meshwright: no container engine answers here: start Docker\n/);
      expect(without.exitCode).toBe(4);
    });

    it("says that a port is taken that compose publishes, before anything starts", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      await edited("compose.yaml", '"127.0.0.1::8080"', `"127.0.0.1:${port}:8080"`, async () => {
        const result = await up();
        expect(result.stderr).toContain(`port ${port}, which compose publishes for caller, is already taken`);
        expect(result.exitCode).toBe(7);
      });
      server.close();
      expect(await containers()).toEqual([]);
    });

    it("leaves a project alone that runs already", async () => {
      await around.compose("up", "--detach", "python");
      const before = await containers();
      const result = await up();
      expect(result.stderr).toMatch(
        /has containers already \(\S+-python-1\): end it first, by docker compose --project-name/,
      );
      expect(result.exitCode).toBe(8);
      expect(await containers()).toEqual(before);
      await around.compose("down", "--timeout", "1");
    });

    it("reads a service whose profile is not active", async () => {
      await edited(
        "compose.yaml",
        "command: node greeter.js",
        "command: node greeter.js, profiles: [late]",
        async () => {
          const [port = 0] = await freePorts(1);
          await edited("mesh.yaml", "port: 3306", "port: 15006", async () => {
            const result = await up("--port", String(port));
            expect(result.stderr).toMatch(
              /services\.greeter\.port: 15006 is a port of the sidecar beside the app/,
            );
          });
        },
      );
    });

    describe("a service that is never ready", () => {
      let small: AroundCopy;
      const command = () => new CliProcess(["up", small.file], small.folder);
      const write = (healthcheck: string, script: string) =>
        writeFile(
          path.join(small.folder, "compose.yaml"),
          [
            "name: $PROJECT",
            "services:",
            "  app:",
            "    image: $NODE_IMAGE",
            `    command: [node, -e, ${JSON.stringify(script)}]`,
            `    healthcheck: ${healthcheck}`,
            "    stop_signal: SIGKILL",
          ].join("\n"),
        );
      beforeAll(async () => {
        small = await copyAround();
        const routes = "gateway: { port: 0, routes: [{ prefix: /, service: app }] }";
        const app = "services: { app: { port: 8080, versions: { v1: { compose: app } } } }";
        await writeFile(small.file, `name: small\n${routes}\n${app}\n`);
      }, LONG.timeout);
      afterAll(() => small?.[Symbol.asyncDispose](), LONG.timeout);

      const SERVES = 'require("node:http").createServer().listen(8080)';
      const CHECK = '{ test: ["CMD", "sh", "-c", "echo no tables; exit 7"], interval: 1s, retries: 30 }';

      it("tells early what its own health check says, and ends when the engine gives it up", async () => {
        await write(CHECK, SERVES);
        await using up = command();
        await up.until(
          /service app_v1 runs, and is not ready yet: its own health check says: no tables \(exit code 7\)/,
          LONG.timeout,
        );
        expect(await up.exited).toBe(6);
        expect(up.stderr).toMatch(
          /^meshwright: service app_v1 does not become healthy: no tables \(exit code 7\)/,
        );
      });

      it("tells early that nothing listens on its port", async () => {
        await write("{ disable: true }", SERVES.replace("8080", "9090"));
        await using up = command();
        await up.until(
          /service app_v1 runs, and is not ready yet: nothing listens on its port/,
          LONG.timeout,
        );
        up.kill("SIGINT");
        expect(await up.exited).toBe(130);
      });

      it("says which one ends, with its last lines", async () => {
        await write("{ disable: true }", "console.error('no tea'); process.exit(3)");
        await using up = command();
        expect(await up.exited).toBe(6);
        expect(up.stderr).toMatch(/^meshwright: service app_v1 ended with code 3 before it was ready/);
        expect(up.stderr).toContain("no tea");
      });

      afterEach(async () => {
        const filter = `label=com.docker.compose.project=${small.project}`;
        expect((await docker(["ps", "--all", "--quiet", "--filter", filter])).output).toBe("");
      });
    });

    it("leaves nothing but the volume after a kill", async () => {
      await using command = new CliProcess(["up", around.file], around.folder);
      await command.until(/Starting containers/);
      await vi.waitFor(async () => expect((await containers()).length).toBeGreaterThan(3), WAIT);
      command.kill("SIGKILL");
      await command.exited;
      await vi.waitFor(async () => expect(await containers()).toEqual([]), WAIT);
      expect((await docker(["volume", "inspect", `${around.project}_data`])).outcome).toBe("done");
    });
  },
);
