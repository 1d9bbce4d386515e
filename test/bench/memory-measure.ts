// What Envoy's process takes with a chain of filters: memory with few requests and with very many
// open streams, and processor time until it is ready.

import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { bootstrap } from "../../envoy/config/bootstrap.js";
import { cluster } from "../../envoy/config/cluster.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { httpListener } from "../../envoy/config/listener.js";
import { destinationRoutes, directResponse, virtualHost } from "../../envoy/config/route.js";
import type { EnvoyBinary } from "../../envoy/runtime/find.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../envoy/runtime/process.js";
import { send } from "../../kit/envoy/client.js";
import { cpuMicroseconds } from "./measure.js";

const REQUESTS = 200;
const STREAMS_A_CONNECTION = 100;
const UPSTREAM = "held";
/** More than any test opens. */
const NO_LIMIT = 1_000_000;

export interface Footprint {
  /** KiB of the process that are in memory. */
  readonly resident: number;
  /** Milliseconds of processor time until Envoy was ready. */
  readonly startMs: number;
}

/** The process after a few requests. */
export function footprint(
  binary: EnvoyBinary,
  filters: readonly HttpFilter[],
  workers: number,
): Promise<Footprint> {
  return withEnvoy({ binary, filters, workers, upstreamPort: 1 }, async (envoy, port) => {
    const startMs = cpuMicroseconds(envoy.pid) / 1000;
    for (let i = 0; i < REQUESTS; i++) await send(`http://127.0.0.1:${port}`);
    return { resident: residentOf(envoy), startMs };
  });
}

/**
 * How many KiB the process takes more with this many open streams than before, on one worker.
 * @param streams a multiple of 100
 */
export async function ofLiveStreams(
  binary: EnvoyBinary,
  filters: readonly HttpFilter[],
  streams: number,
): Promise<number> {
  const upstream = createServer({ settings: { maxConcurrentStreams: NO_LIMIT } });
  const events = new EventEmitter();
  // Whoever waits is told by `once`. Envoy may end its connections when nobody waits any more.
  events.on("error", () => {});
  let held = 0;
  upstream.on("stream", (stream) => {
    stream.on("error", () => {});
    held++;
    if (held % STREAMS_A_CONNECTION === 0) events.emit("held");
  });
  await new Promise<void>((listening) => upstream.listen(0, "127.0.0.1", listening));
  const upstreamPort = (upstream.address() as AddressInfo).port;
  const sessions: ClientHttp2Session[] = [];
  try {
    return await withEnvoy({ binary, filters, workers: 1, upstreamPort }, async (envoy, port) => {
      for (let i = 0; i < REQUESTS; i++) await send(`http://127.0.0.1:${port}`);
      const before = residentOf(envoy);
      while (held < streams) {
        const session = connect(`http://127.0.0.1:${port}`);
        sessions.push(session);
        // One connection after the other: its streams are held, or the first error ends it all.
        const allHeld = once(events, "held");
        session.on("error", (error) => events.emit("error", error));
        for (let i = 0; i < STREAMS_A_CONNECTION; i++) {
          const request = session.request({ ":path": "/held", "x-user-id": `user-${held + i}` });
          request.on("error", () => {});
          request.on("response", ({ ":status": status }) =>
            events.emit("error", new Error(`an open stream was answered ${status}`)),
          );
        }
        await allHeld;
      }
      return residentOf(envoy) - before;
    });
  } finally {
    for (const session of sessions) session.destroy();
    upstream.close();
  }
}

interface Setup {
  readonly binary: EnvoyBinary;
  readonly filters: readonly HttpFilter[];
  readonly workers: number;
  readonly upstreamPort: number;
}

async function withEnvoy<T>(
  { binary, filters, workers, upstreamPort }: Setup,
  use: (envoy: EnvoyProcess, port: number) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), "meshwright-memory-"));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const held = destinationRoutes({
    prefix: "/held",
    destinations: {},
    fallback: UPSTREAM,
    timeoutSeconds: 0,
  });
  const routes = [...held, directResponse({ status: 200, body: "ok\n" })];
  try {
    await using envoy = await startEnvoyProcess({
      binary,
      directory,
      workers,
      logLevel: "warning",
      bootstrap: bootstrap({
        node: { id: "memory", cluster: "memory" },
        adminPort,
        listeners: [
          httpListener({ name: "in", port, filters, virtualHosts: [virtualHost({ name: "all", routes })] }),
        ],
        clusters: [
          cluster({
            name: UPSTREAM,
            protocol: "http2",
            endpoints: [{ address: "127.0.0.1", port: upstreamPort }],
            circuitBreakers: {
              maxConnections: NO_LIMIT,
              maxPendingRequests: NO_LIMIT,
              maxRequests: NO_LIMIT,
            },
          }),
        ],
      }),
    });
    return await use(envoy, port);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function residentOf({ pid }: EnvoyProcess): number {
  const [, kibibytes = ""] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes);
}
