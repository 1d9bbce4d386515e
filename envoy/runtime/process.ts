// Runs stock Envoy as a process of this machine, from the bootstrap to the orderly end.

import { join } from "node:path";
import { startChild } from "./child.js";
import type { EnvoyBinary } from "./find.js";
import type { LogState } from "./log-file.js";
import {
  adminOf,
  checkPorts,
  type EnvoyRunOptions,
  envoyArguments,
  READY_TIMEOUT_MS,
  type RunningEnvoy,
  untilReady,
  writeBootstrap,
} from "./running.js";

export interface EnvoyProcessOptions extends EnvoyRunOptions {
  readonly binary: EnvoyBinary;
  /** Called with each line of Envoy's output. Must not throw. */
  readonly onLine?: (line: string) => void;
  readonly onLogState?: LogState;
  /** An abort stops Envoy, during the start and after it. */
  readonly signal?: AbortSignal;
}

/** An Envoy that runs as a process of this machine. */
export interface EnvoyProcess extends RunningEnvoy {
  readonly pid: number;
}

/**
 * Starts Envoy and settles when it serves.
 * @throws MeshwrightError `port-taken` when somebody listens on a port of the bootstrap,
 * `configuration` when the bootstrap names no admin address, `envoy-failed` when Envoy ends or is
 * not ready in time; the reason of `signal` after an abort.
 */
export async function startEnvoyProcess(options: EnvoyProcessOptions): Promise<EnvoyProcess> {
  const { binary, bootstrap, directory, name = "envoy", signal } = options;
  signal?.throwIfAborted();
  const admin = adminOf(bootstrap, name);
  await checkPorts(bootstrap, name);
  const file = await writeBootstrap(options);
  const child = startChild({
    name,
    command: binary.path,
    args: envoyArguments(file, options),
    logFile: join(directory, `${name}.log`),
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    ...(options.onLogState === undefined ? {} : { onLogState: options.onLogState }),
  });
  const onAbort = () => void child.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  // It may have come while the ports were looked at, and then tells nobody again.
  if (signal?.aborted) onAbort();
  void child.exited.then(() => signal?.removeEventListener("abort", onAbort));
  try {
    await untilReady({ ...child, admin }, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  } catch (error) {
    await child.stop();
    signal?.throwIfAborted();
    throw error;
  }
  return { ...child, admin };
}
