// A network filter in process against the same filter in stock Envoy. Both ends of a connection
// take the same steps in both proxies. After each step, what arrived and what the filter logged
// must be the same.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import { tcpListener } from "../../../envoy/config/tcp-listener.js";
import { wasmNetworkFilter } from "../../../envoy/config/wasm.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { loadModule } from "../../../kit/host/load.js";
import { compileProbe } from "../../support/compile-probe.js";

type Step =
  | { readonly client: string }
  | { readonly upstream: string }
  | "client ends"
  | "upstream ends"
  | "client resets"
  | "upstream resets"
  /** Time passes for the filter's timer, or for the service that it called. */
  | "the filter goes on";

interface Snapshot {
  /** What arrived at the client and at the upstream, with `.` if nothing follows. */
  readonly client: string;
  readonly upstream: string;
  /** What the filter logged. */
  readonly lines: readonly string[];
}

const CALLED = "called";
const PAUSE_MS = 250;

let folder: string;
let module: string;
let server: Server;
let service: Upstream;
let envoy: EnvoyProcess;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-network-"));
  module = path.join(folder, "probe.wasm");
  await compileProbe("test/probes/network/index.ts", module);
  service = await startUpstream({ respond: () => ({ body: CALLED }) });
  server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const [listening = 0, adminPort = 0] = await freePorts(2);
  port = listening;
  const at = (endpoint: number) => ({ address: "127.0.0.1", port: endpoint });
  envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    directory: folder,
    workers: 1,
    bootstrap: bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      listeners: [
        tcpListener({
          name: "tcp",
          port,
          filters: [wasmNetworkFilter({ name: "probe", module })],
          cluster: "peer",
        }),
      ],
      clusters: [
        cluster({ name: "peer", endpoints: [at((server.address() as AddressInfo).port)] }),
        cluster({ name: "service", endpoints: [at(service.port)] }),
      ],
    }),
  });
});

afterAll(async () => {
  await envoy?.stop();
  server?.close();
  await service?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The snapshot after each step; the first one is the connection's begin. */
function inProcess(steps: readonly Step[]): Snapshot[] {
  const hosted = loadModule(module);
  hosted.configure("");
  const stream = hosted.connect();
  const take = (step: Step): void => {
    if (step === "client ends") stream.clientSends("", true);
    else if (step === "upstream ends") stream.upstreamSends("", true);
    else if (step === "client resets") stream.clientResets();
    else if (step === "upstream resets") stream.upstreamResets();
    else if (step === "the filter goes on") {
      hosted.httpCalls[0]?.respond({ headers: [[":status", "200"]], body: CALLED });
      hosted.advance(PAUSE_MS);
    } else if ("client" in step) stream.clientSends(step.client);
    else stream.upstreamSends(step.upstream);
  };
  const snapshot = (): Snapshot => ({
    client: stream.client.text + (stream.client.isWhole || stream.isClosed ? "." : ""),
    upstream: stream.upstream.text + (stream.upstream.isWhole || stream.isClosed ? "." : ""),
    lines: hosted.logs.map(({ text }) => text),
  });
  const snapshots = [snapshot()];
  for (const step of steps) {
    take(step);
    snapshots.push(snapshot());
  }
  return snapshots;
}

/** One end of a connection through Envoy. */
class End {
  text = "";

  constructor(readonly socket: Socket) {
    socket.on("data", (data) => {
      this.text += data.toString("latin1");
    });
    // A reset ends it too, also a reset by this side.
    socket.on("error", () => {});
    for (const event of ["end", "close"])
      socket.on(event, () => {
        if (!this.text.endsWith(".")) this.text += ".";
      });
  }
}

async function inEnvoy(steps: readonly Step[], expected: readonly Snapshot[]): Promise<void> {
  const before = probeLines().length;
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = new End(connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }));
  const upstream = new End((await accepted)[0]);
  const settles = (i: number) =>
    expect
      .poll(() => ({ client: client.text, upstream: upstream.text, lines: probeLines().slice(before) }), {
        timeout: 5_000,
        message: `after step ${i}, ${JSON.stringify(steps[i - 1])}`,
      })
      .toEqual(expected[i]);
  try {
    await settles(0);
    for (const [i, step] of steps.entries()) {
      if (step === "client ends") client.socket.end();
      else if (step === "upstream ends") upstream.socket.end();
      else if (step === "client resets") client.socket.resetAndDestroy();
      else if (step === "upstream resets") upstream.socket.resetAndDestroy();
      else if (step === "the filter goes on") await sleep(PAUSE_MS);
      else if ("client" in step) client.socket.write(step.client);
      else upstream.socket.write(step.upstream);
      await settles(i + 1);
    }
  } finally {
    client.socket.destroy();
    upstream.socket.destroy();
  }
}

function probeLines(): string[] {
  return [...envoy.logs().matchAll(/wasm log [^:]*: (.*)$/gm)].map(([, text = ""]) => text);
}

const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  "bytes both ways, and changed": [
    { client: "hello" },
    { upstream: "hello" },
    { client: "rewrite me" },
    { upstream: "more" },
    "client ends",
    "upstream ends",
  ],
  "an upstream that ends first": [
    { client: "a" },
    { upstream: "b" },
    "upstream ends",
    { client: "c" },
    "client ends",
  ],
  "a connection without a byte": ["client ends", "upstream ends"],
  "a connection that the filter closes": [{ upstream: "before" }, { client: "close it" }],
  "bytes that are held until more come": [
    { client: "hold" },
    { client: " on" },
    "client ends",
    "upstream ends",
  ],
  "the end of a client whose bytes are held": [{ client: "hold" }, "client ends", "upstream ends"],
  "bytes that are held back from the client": [
    { upstream: "back" },
    { upstream: " again" },
    "upstream ends",
    "client ends",
  ],
  "the end of an upstream whose bytes are held back": [{ upstream: "back" }, "upstream ends", "client ends"],
  "the end of a client whose bytes are held, after the end of the upstream": [
    "upstream ends",
    { client: "hold" },
    "client ends",
  ],
  "a timer that resumes bytes": [
    { client: "pause" },
    "the filter goes on",
    { client: "go" },
    "client ends",
    "upstream ends",
  ],
  "a call that resumes other bytes": [
    { client: "call" },
    "the filter goes on",
    "client ends",
    "upstream ends",
  ],
  "a client that resets": [{ client: "a" }, "client resets"],
  "a client that resets while its bytes are held": [
    { client: "pause" },
    "client resets",
    "the filter goes on",
  ],
  "an upstream that resets": [{ client: "a" }, { upstream: "b" }, "upstream resets"],
};

describe("a network filter does in process what it does in stock Envoy", () => {
  test.each(Object.entries(SCENARIOS))("%s", async (_, steps) => {
    await inEnvoy(steps, inProcess(steps));
  });
});
