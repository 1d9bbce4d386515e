// A network filter in stock Envoy, before its TCP proxy.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import { tcpListener } from "../../../envoy/config/tcp-listener.js";
import { wasmNetworkFilter } from "../../../envoy/config/wasm.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let echo: Server;
let service: Upstream;
let envoy: EnvoyProcess;
let port: number;

/** Every chunk that reached the server, as text. */
const received: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-network-"));
  const module = path.join(folder, "probe.wasm");
  await compileProbe("test/probes/network/index.ts", module);
  service = await startUpstream({ respond: () => ({ body: "called" }) });
  echo = await startEcho();
  const [listening = 0, adminPort = 0] = await freePorts(2);
  port = listening;
  envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    directory: folder,
    bootstrap: bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      listeners: [
        tcpListener({
          name: "tcp",
          port,
          filters: [wasmNetworkFilter({ name: "probe", module })],
          cluster: "echo",
        }),
      ],
      clusters: [
        cluster({ name: "echo", endpoints: [at((echo.address() as AddressInfo).port)] }),
        cluster({ name: "service", endpoints: [at(service.port)] }),
      ],
    }),
  });
});

afterAll(async () => {
  await envoy?.stop();
  echo?.close();
  await service?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const at = (endpointPort: number) => ({ address: "127.0.0.1", port: endpointPort });

/** Echoes what it receives; ends the connection after `bye`. */
async function startEcho(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (data) => {
      received.push(data.toString("latin1"));
      if (data.toString("latin1").startsWith("bye")) socket.end(data);
      else socket.write(data);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

class Client {
  text = "";
  readonly closed: Promise<void>;

  constructor(readonly socket: Socket) {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      this.text += data.toString("latin1");
    });
    this.closed = new Promise((resolve) => socket.on("close", () => resolve()));
  }

  /** Sends, and waits until exactly this has arrived. */
  async says(text: string, answer: string): Promise<void> {
    this.socket.write(text);
    await expect.poll(() => this.text).toBe(answer);
  }
}

async function connection(): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  return new Client(socket);
}

/** The line that the filter logged when a connection was gone. */
const story = (text: string) => expect.poll(() => envoy.logs()).toContain(`connection: ${text}`);

describe("a network filter", () => {
  test("sees bytes both ways, changes them, and learns of the end", async () => {
    const client = await connection();
    await client.says("hello", "hello!");
    await client.says("rewrite me", "hello!rewritten!");
    client.socket.end();
    await client.closed;
    await story("new down 5 down 10 down 0 end up-close 0 down-close 1 done log delete, received 15 sent 14");
    expect(received.slice(-2)).toEqual(["hello", "rewritten"]);
  });

  test("learns when the upstream ends first", async () => {
    const client = await connection();
    await client.says("bye", "bye!");
    client.socket.end();
    await client.closed;
    await story("new down 3 up-close 0");
  });

  test("closes a connection", async () => {
    const client = await connection();
    client.socket.write("close");
    await once(client.socket, "end");
    await story("new down 5 down-close 1 done log delete");
    client.socket.destroy();
  });

  test("holds what arrived, and sees it again in front of what arrives next", async () => {
    const client = await connection();
    client.socket.write("hold");
    await expect.poll(() => envoy.logs()).toContain("held");
    await client.says(" on", "hold on!");
    client.socket.destroy();
    await story("new down 4 down 7");
  });

  test("holds back what the upstream sent, until more arrives", async () => {
    const client = await connection();
    client.socket.write("back");
    await expect.poll(() => envoy.logs()).toContain("held back");
    await client.says(" again", "back again!");
    client.socket.destroy();
  });

  test("pauses, and is resumed by a timer", async () => {
    const client = await connection();
    await client.says("pause", "pause!");
    client.socket.destroy();
    // The held bytes continue behind the filter, which does not see them again.
    await story("new down 5 down 0 end");
    // 12 is `Unimplemented`: Envoy cannot resume the other direction.
    expect(envoy.logs()).toContain("resumed: status 0 up 12");
  });

  test("is resumed by a call, with what the service said", async () => {
    const client = await connection();
    await client.says("call", "called!");
    client.socket.destroy();
    await story("new down 4 down 0 end");
  });

  test("finds a connection gone when its timer runs", async () => {
    const client = await connection();
    const pauses = envoy.logs().split("paused").length;
    client.socket.write("pause");
    await expect.poll(() => envoy.logs().split("paused").length).toBe(pauses + 1);
    client.socket.resetAndDestroy();
    await expect.poll(() => envoy.logs()).toContain("resumed: status 2 up 2");
  });

  test("keeps two hundred connections separate, and a megabyte whole", async () => {
    const clients = await Promise.all(Array.from({ length: 200 }, connection));
    await Promise.all(clients.map((client, i) => client.says(`number ${i}`, `number ${i}!`)));
    const large = "x".repeat(1_000_000);
    clients[0]?.socket.write(large);
    await expect.poll(() => clients[0]?.text.replaceAll("!", "").length).toBe(8 + large.length);
    for (const client of clients) client.socket.destroy();
    expect(envoy.logs()).not.toMatch(/Wasm VM failed/);
  });
});
