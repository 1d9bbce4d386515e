// Runs stock Envoy as a process of this machine, from the bootstrap to the orderly end.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import { AdminClient } from "./admin.js";
import { type ChildExit, type ManagedChild, startChild } from "./child.js";
import { endReason, lastLines } from "./envoy-log.js";
import type { EnvoyBinary } from "./find.js";
import { describeUnusable, portState } from "./ports.js";

export interface EnvoyProcessOptions {
  readonly binary: EnvoyBinary;
  /** Must have an `admin` with a socket address and, for file-based discovery, a `node`. */
  readonly bootstrap: object;
  /** For `<name>.json`, the bootstrap, and `<name>.log`; made when missing. */
  readonly directory: string;
  /** Default `envoy`. */
  readonly name?: string;
  /** Worker threads, 1 or more; default 1. */
  readonly concurrency?: number;
  /** Envoy's `--log-level`; default `info`. */
  readonly logLevel?: string;
  /** Envoy's `--component-log-level`, for example `wasm:debug,http:trace`. */
  readonly componentLogLevel?: string;
  /** How long Envoy may take until it serves, in milliseconds; default 15,000. */
  readonly readyTimeoutMs?: number;
  /** Stops Envoy when aborted, during the start and after it. */
  readonly signal?: AbortSignal;
}

/** A running Envoy. Disposing of it stops it. */
export interface EnvoyProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly admin: AdminClient;
  /** Settles when Envoy has ended, by itself or by `stop`. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** The last lines that Envoy wrote. */
  logs(): string;
  /** SIGTERM, after 3 s SIGKILL. Settles when Envoy has ended; may be repeated. */
  stop(): Promise<void>;
}

const readyPollMs = 20;
const detailLines = 12;

/**
 * Starts Envoy and settles when it serves.
 * @throws MeshwrightError `port-taken` when somebody listens on a port of the bootstrap, `configuration` when the bootstrap
 * names no admin address, `envoy-failed` when Envoy ends or is not ready in time; the reason of `signal` when aborted.
 */
export async function startEnvoyProcess(options: EnvoyProcessOptions): Promise<EnvoyProcess> {
  const { binary, bootstrap, directory, name = "envoy", signal } = options;
  signal?.throwIfAborted();
  const admin = adminOf(bootstrap, name);
  await checkPorts(bootstrap, name);
  await mkdir(directory, { recursive: true });
  const file = join(directory, `${name}.json`);
  await writeFile(file, JSON.stringify(bootstrap, undefined, 2), { mode: 0o644 });
  const child = startChild({
    name,
    command: binary.path,
    args: envoyArguments(file, options),
    logFile: join(directory, `${name}.log`),
  });
  const onAbort = () => void child.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  void child.exited.then(() => signal?.removeEventListener("abort", onAbort));
  try {
    await untilReady(child, admin, options.readyTimeoutMs ?? 15_000);
  } catch (error) {
    await child.stop();
    signal?.throwIfAborted();
    throw error;
  }
  return { ...child, admin };
}

function envoyArguments(file: string, options: EnvoyProcessOptions): string[] {
  // Hot restart takes shared memory by a base id, in which two Envoys of one machine would meet.
  const args = ["-c", file, "--disable-hot-restart", "--concurrency", String(options.concurrency ?? 1)];
  args.push("--log-level", options.logLevel ?? "info");
  if (options.componentLogLevel !== undefined) args.push("--component-log-level", options.componentLogLevel);
  return args;
}

async function untilReady(child: ManagedChild, admin: AdminClient, timeoutMs: number): Promise<void> {
  let exit: ChildExit | undefined;
  void child.exited.then((value) => {
    exit = value;
  });
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    // Asked in this order, an Envoy that lost its port to another is not taken for ready by the other's answer.
    const ready = await admin.ready();
    if (exit) throw endedError(child, exit);
    if (ready) return;
    if (performance.now() > deadline) {
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy "${child.name}" does not serve after ${timeoutMs / 1000} s; its last lines say what it waits for`,
        lastLines(child.logs(), detailLines),
      );
    }
    await Promise.race([delay(readyPollMs), child.exited]);
  }
}

function endedError(child: ManagedChild, exit: ChildExit): MeshwrightError {
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  const reason = endReason(child.logs());
  const taken = /cannot bind '([^']*)': Address already in use/.exec(reason)?.[1];
  const details = lastLines(child.logs(), detailLines);
  if (taken !== undefined) {
    const instead = describeUnusable("taken", "choose another port");
    return new MeshwrightError("port-taken", `${taken} of Envoy "${child.name}" ${instead}`, details);
  }
  return new MeshwrightError(
    "envoy-failed",
    `Envoy "${child.name}" ended ${how} before it served: ${reason || "it wrote nothing"}`,
    details,
  );
}

interface Place {
  readonly name?: string;
  readonly address?: {
    readonly socket_address?: {
      readonly address?: string;
      readonly port_value?: number;
      readonly protocol?: string;
    };
  };
}

/** What this file reads of a bootstrap; Envoy is the judge of the rest. */
interface BootstrapView {
  readonly admin?: Place;
  readonly static_resources?: { readonly listeners?: readonly Place[] };
}

function adminOf(bootstrap: BootstrapView, name: string): AdminClient {
  const socket = bootstrap.admin?.address?.socket_address;
  if (!socket?.port_value) {
    throw new MeshwrightError(
      "configuration",
      `the bootstrap of Envoy "${name}" has no admin.address.socket_address with a port; add one, it tells when Envoy is ready`,
    );
  }
  const host = socket.address === undefined || socket.address === "0.0.0.0" ? "127.0.0.1" : socket.address;
  return new AdminClient(`http://${host.includes(":") ? `[${host}]` : host}:${socket.port_value}`);
}

/** Envoy's listeners share their ports by SO_REUSEPORT: two Envoys on one port would both start and split the traffic. */
async function checkPorts(bootstrap: BootstrapView, name: string): Promise<void> {
  const listeners = bootstrap.static_resources?.listeners ?? [];
  const places = [{ name: "admin", ...bootstrap.admin }, ...listeners];
  for (const [index, place] of places.entries()) {
    const { address, port_value, protocol } = place.address?.socket_address ?? {};
    const local = address === "127.0.0.1" || address === "0.0.0.0";
    if (!port_value || !local || protocol === "UDP") continue;
    const state = await portState(port_value);
    if (state === "free") continue;
    const what = index === 0 ? "the admin interface" : `listener "${place.name ?? index - 1}"`;
    throw new MeshwrightError(
      "port-taken",
      `${address}:${port_value}, wanted by ${what} of Envoy "${name}", ${describeUnusable(state, "choose another port")}`,
    );
  }
}
