// `meshwright init && meshwright up` in folders with compose projects that know nothing of a mesh:
// a web shop, an application for voting, a chat. All traffic goes through the sidecars, which count
// it.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { chooseImages, docker, whyNoContainers } from "../../../compose/containers/engine.js";
import { startContainers } from "../../../compose/containers/start.js";
import type { UpMesh } from "../../../compose/up-mesh.js";
import { copyComposeProject, type ProjectCopy } from "../../support/project-copy.js";
import { CliProcess } from "../commands/cli-process.js";
import { runMain } from "../commands/run-main.js";

const WAIT = { timeout: 60_000, interval: 200 };
const LONG = { timeout: 280_000 };
const why = await whyNoContainers();

/** How many requests or connections reached each service through sidecars. */
async function counted(mesh: UpMesh): Promise<Readonly<Record<string, number>>> {
  const figures = await mesh.figures();
  return Object.fromEntries(figures.map(({ service, requests }) => [service, requests]));
}

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.json();
}

async function filesOf(folder: string, names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")));
}

describe.skipIf(why !== undefined)(`init and up${why === undefined ? "" : `: ${why}`}`, LONG, () => {
  describe("a web shop", () => {
    let project: ProjectCopy;
    let mesh: UpMesh;
    beforeAll(async () => {
      project = await copyComposeProject("shop");
      const before = await filesOf(project.folder, ["compose.yaml", ".env"]);
      const { exitCode, stderr } = await runMain(["init"], project.folder);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(await filesOf(project.folder, ["compose.yaml", ".env"])).toEqual(before);
      const file = path.join(project.folder, "mesh.yaml");
      mesh = await startContainers({ file, cwd: project.folder, gatewayPort: 0 });
    }, LONG.timeout);
    afterAll(async () => {
      await mesh?.stop();
      await project?.[Symbol.asyncDispose]();
    }, LONG.timeout);

    it("sells through every sidecar: HTTP, gRPC and Redis", async () => {
      const page = await json(`${mesh.gatewayUrl}/`);
      expect(page).toMatchObject({ products: { tea: 4 }, ads: ["buy a pot"], inYen: { yen: 320 } });
      await json(`${mesh.gatewayUrl}/add?user=me&item=tea`);
      expect(await json(`${mesh.gatewayUrl}/buy?user=me`)).toEqual({
        bought: ["tea"],
        sum: 4,
        paid: { from: "me", charged: 4 },
        shipped: { cost: 3 },
        told: { sent: "me" },
      });
      await vi.waitFor(async () => {
        const requests = await counted(mesh);
        expect(Object.keys(requests).sort()).toEqual(SHOP);
        expect(SHOP.filter((service) => requests[service] === 0)).toEqual([]);
      }, WAIT);
    });

    it("still answers at the port that it publishes", async () => {
      const page = await json(`http://127.0.0.1:${project.ports.SHOP_PORT}/`);
      expect(page).toMatchObject({ products: { mug: 9 } });
    });
  });

  describe("an application for voting, by the commands themselves", () => {
    let project: ProjectCopy;
    beforeAll(async () => {
      project = await copyComposeProject("voting");
    }, LONG.timeout);
    afterAll(() => project?.[Symbol.asyncDispose](), LONG.timeout);

    const votesFor = async (choice: string) => {
      const results = (await json(`http://127.0.0.1:${project.ports.RESULT_PORT}/`)) as Record<
        string,
        number
      >;
      return results[choice] ?? 0;
    };

    it("counts a vote that the gateway takes, and ends with nothing left", async () => {
      await using init = new CliProcess(["init"], project.folder);
      expect(await init.exited).toBe(0);
      expect(init.stdout).toMatch(/worker +takes no connections, calls redis, db/);
      await using up = new CliProcess(["up", "--engine", "container", "--port", "0"], project.folder);
      const [, gateway] = await up.until(/gateway +(http:\/\/127\.0\.0\.1:\d+)\n/, LONG.timeout);
      expect(await json(`${gateway}/vote?for=cats`)).toMatchObject({ vote: "cats" });
      await vi.waitFor(async () => expect(await votesFor("cats")).toBe(1), WAIT);
      await up.until(/^redis +v1 +[1-9].*\ndb +v1 +[1-9]/m, LONG.timeout);
      up.kill("SIGINT");
      expect(await up.exited).toBe(0);
      const left = await docker([
        "ps",
        "--all",
        "--quiet",
        "--filter",
        `label=com.docker.compose.project=${project.name}`,
      ]);
      expect(left.output).toBe("");
    });

    it("keeps its votes, and goes on by docker compose alone", async () => {
      const { exitCode, stdout } = await runMain(["init"], project.folder);
      expect({ exitCode, stdout }).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining("has all of it already"),
      });
      const [, files = ""] = /docker compose (-f .*) up$/m.exec(stdout) ?? [];
      expect(files).toBe("-f docker-compose.yml -f compose.mesh.yaml");
      const up = await composeAlone(project, files.split(" "));
      expect(up.output).toMatch(/gateway.*Healthy/);
      await vi.waitFor(async () => expect(await votesFor("cats")).toBe(1), WAIT);
    });
  });

  describe("a chat with a WebSocket and a database", () => {
    let project: ProjectCopy;
    let mesh: UpMesh;
    beforeAll(async () => {
      project = await copyComposeProject("chat");
      const { exitCode, stdout } = await runMain(["init"], project.folder);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("migrate runs once");
      const file = path.join(project.folder, "mesh.yaml");
      mesh = await startContainers({ file, cwd: project.folder, gatewayPort: 0 });
    }, LONG.timeout);
    afterAll(async () => {
      await mesh?.stop();
      await project?.[Symbol.asyncDispose]();
    }, LONG.timeout);

    it("says to all what one says, and keeps it, through three sidecars", async () => {
      await using one = await WebSocketClient.open(Number(new URL(mesh.gatewayUrl).port));
      await using two = await WebSocketClient.open(Number(new URL(mesh.gatewayUrl).port));
      one.say("hello");
      await vi.waitFor(() => expect([one.heard, two.heard]).toEqual(["hello", "hello"]), WAIT);
      expect(await json(`${mesh.gatewayUrl}/`)).toEqual({ said: ["hello"], here: 2 });
      await vi.waitFor(async () => {
        const { "web-chat": web = 0, history = 0, postgres = 0 } = await counted(mesh);
        expect([web > 0, history > 0, postgres > 0]).toEqual([true, true, true]);
      }, WAIT);
    });
  });
});

const SHOP = [
  "ads",
  "cart",
  "catalog",
  "checkout",
  "currency",
  "email",
  "frontend",
  "payment",
  "rates",
  "recommendation",
  "redis-cart",
  "shipping",
];

/** Starts the project with the override, and waits until all of it is healthy. */
async function composeAlone({ folder, name }: ProjectCopy, files: readonly string[]) {
  const { ENVOY_IMAGE } = await chooseImages();
  const env = { ...process.env, ENVOY_IMAGE, MESHWRIGHT_GATEWAY_PORT: "0", MESHWRIGHT_STATUS_PORT: "0" };
  const args = ["compose", "--project-directory", folder, "-p", name];
  const named = files.map((word) => (word === "-f" ? word : path.join(folder, word)));
  return docker([...args, ...named, "up", "--wait", "--wait-timeout", "200"], env, LONG.timeout, folder);
}

/** A WebSocket of short texts. */
class WebSocketClient implements AsyncDisposable {
  heard = "";

  private constructor(private readonly socket: Socket) {
    socket.on("data", (data) => {
      this.heard += data.subarray(2).toString();
    });
  }

  static async open(port: number): Promise<WebSocketClient> {
    const socket = createConnection(port, "127.0.0.1");
    const key = createHash("md5").update(String(port)).digest("base64");
    socket.write(
      `GET /socket HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const [head] = await once(socket, "data");
    expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
    return new WebSocketClient(socket);
  }

  /** A client masks what it sends; a mask of zeros changes nothing. */
  say(text: string): void {
    this.socket.write(
      Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}
