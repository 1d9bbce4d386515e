// Describes a running Envoy, a process or a container, and finds out when it serves.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import { AdminClient } from "./admin.js";
import { writeAtomically } from "./atomic-file.js";
import type { ChildExit } from "./child.js";
import { endReason, lastLines } from "./envoy-log.js";
import { describeUnusable, portState } from "./ports.js";

/** The options of every Envoy that is started here. */
export interface EnvoyRunOptions {
  /** Must have an `admin` with a socket address and, for file-based discovery, a `node`. */
  readonly bootstrap: object;
  /**
   * The folder for `<name>.json`, the bootstrap, and for a process's `<name>.log`; made when
   * missing.
   */
  readonly directory: string;
  /** Default `envoy`. */
  readonly name?: string;
  /** Worker threads, 1 or more; default 1. */
  readonly workers?: number;
  /** Envoy's `--log-level`; default `info`. */
  readonly logLevel?: string;
  /** Envoy's `--component-log-level`, for example `wasm:debug,http:trace`. */
  readonly componentLogLevel?: string;
  /** How long Envoy may take until it serves, in milliseconds; default `READY_TIMEOUT_MS`. */
  readonly readyTimeoutMs?: number;
}

/** A running Envoy. Disposing of it stops it. */
export interface RunningEnvoy extends AsyncDisposable {
  readonly name: string;
  readonly admin: AdminClient;
  /** Settles when Envoy has ended, by itself or after `stop`. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** The last lines that Envoy wrote. */
  logs(): string;
  /** Sends SIGTERM, and after 3 s SIGKILL. Settles when Envoy has ended; may be called again. */
  stop(): Promise<void>;
}

/** How long an Envoy may take until it serves, unless its options say otherwise: 15 s. */
export const READY_TIMEOUT_MS = 15_000;

const readyPollMs = 20;
const detailLines = 12;

/**
 * Writes the bootstrap where Envoy reads it, and returns the file. Every user may read it.
 * @throws MeshwrightError `write-failed`
 */
export async function writeBootstrap(options: EnvoyRunOptions): Promise<string> {
  const { bootstrap, directory, name = "envoy" } = options;
  const file = join(directory, `${name}.json`);
  const content = JSON.stringify(bootstrap, undefined, 2);
  // An Envoy that is started again needs no room on a full disk.
  if ((await readFile(file, "utf8").catch(() => undefined)) !== content) await writeAtomically(file, content);
  return file;
}

/**
 * Settles when Envoy serves.
 * @throws MeshwrightError `port-taken` or `envoy-failed` when it ends before, `envoy-failed` when
 * it takes longer than `timeoutMs`
 */
export async function untilReady(
  envoy: Omit<RunningEnvoy, keyof AsyncDisposable>,
  timeoutMs: number,
): Promise<void> {
  let exit: ChildExit | undefined;
  void envoy.exited.then((value) => {
    exit = value;
  });
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    // This order matters: when another Envoy has taken the port, its answer must not make this one
    // count as ready.
    const ready = await envoy.admin.ready();
    if (exit) throw endedError(envoy, exit);
    if (ready) return;
    if (performance.now() > deadline) {
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy "${envoy.name}" does not serve after ${timeoutMs / 1000} s; its last lines say what it waits for`,
        lastLines(envoy.logs(), detailLines),
      );
    }
    await Promise.race([delay(readyPollMs), envoy.exited]);
  }
}

function endedError(envoy: Pick<RunningEnvoy, "name" | "logs">, exit: ChildExit): MeshwrightError {
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  const reason = endReason(envoy.logs());
  const taken = /cannot bind '([^']*)': Address already in use/.exec(reason)?.[1];
  const details = lastLines(envoy.logs(), detailLines);
  if (taken !== undefined) {
    const instead = describeUnusable("taken", "choose another port");
    return new MeshwrightError("port-taken", `${taken} of Envoy "${envoy.name}" ${instead}`, details);
  }
  return new MeshwrightError(
    "envoy-failed",
    `Envoy "${envoy.name}" ended ${how} before it served: ${reason || "it wrote nothing"}`,
    details,
  );
}

interface Bound {
  readonly name?: string;
  readonly address?: {
    readonly socket_address?: {
      readonly address?: string;
      readonly port_value?: number;
      readonly protocol?: string;
    };
  };
}

/** The parts of a bootstrap that are read here. Envoy checks the rest. */
interface BootstrapView {
  readonly admin?: Bound;
  readonly static_resources?: { readonly listeners?: readonly Bound[] };
}

/**
 * The admin interface that a bootstrap names.
 * @throws MeshwrightError `configuration` when it has none
 */
export function adminOf(bootstrap: BootstrapView, name: string): AdminClient {
  const socket = bootstrap.admin?.address?.socket_address;
  if (!socket?.port_value) {
    throw new MeshwrightError(
      "configuration",
      `the bootstrap of Envoy "${name}" has no admin.address.socket_address with a port; add one, which tells when Envoy is ready`,
    );
  }
  const host = socket.address === undefined || socket.address === "0.0.0.0" ? "127.0.0.1" : socket.address;
  return new AdminClient(`http://${host.includes(":") ? `[${host}]` : host}:${socket.port_value}`);
}

/** The arguments of `envoy`. @param file the bootstrap, as Envoy sees it */
export function envoyArguments(file: string, options: EnvoyRunOptions): string[] {
  // Hot restart uses shared memory by a base id, and two Envoys of one machine would use the same.
  const args = ["-c", file, "--disable-hot-restart", "--concurrency", String(options.workers ?? 1)];
  // A mistyped key that comes by discovery is refused as one in the bootstrap is.
  args.push("--reject-unknown-dynamic-fields");
  args.push("--log-level", options.logLevel ?? "info");
  if (options.componentLogLevel !== undefined) args.push("--component-log-level", options.componentLogLevel);
  return args;
}

/**
 * Checks that the ports of a bootstrap are free on this machine. Envoy's listeners share their
 * ports by SO_REUSEPORT: two Envoys on one port would both start and split the traffic.
 * @throws MeshwrightError `port-taken`
 */
export async function checkPorts(bootstrap: BootstrapView, name: string): Promise<void> {
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
