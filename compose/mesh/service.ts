// One version of a service, as a process: started with its environment, and ready once it takes
// connections.

import { connect } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { type ChildExit, type ManagedChild, startChild } from "../../envoy/runtime/child.js";
import { lastLines } from "../../envoy/runtime/envoy-log.js";
import type { LogState } from "../../envoy/runtime/log-file.js";
import { describeExit } from "../events.js";
import type { UpstreamAddress } from "../upstream-url.js";
import type { ServicePlan } from "./plan-service.js";

/** Enough for a service that compiles itself first. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const DETAIL_LINES = 12;

/**
 * Starts the service, or finds it where it already runs, and settles when it takes connections;
 * with undefined for a service that runs by itself. Throws `MeshwrightError("service-failed")` when
 * it ends before that, or does not listen in time; the reason of `signal` after an abort.
 */
export async function startService(
  plan: ServicePlan,
  options: {
    readonly directory: string;
    readonly signal: AbortSignal;
    readonly onLogState?: LogState;
  },
): Promise<ManagedChild | undefined> {
  const { address, port } = plan.address;
  if (plan.start === undefined) {
    if (await takesConnections(plan.address)) return undefined;
    throw new MeshwrightError(
      "service-failed",
      `service ${plan.name} does not answer at ${address}:${port}: start it first, or give it a command in the mesh file`,
    );
  }
  const { command, args, cwd, env } = plan.start;
  const child = startChild({
    name: `service ${plan.name}`,
    command,
    args,
    cwd,
    env: { ...process.env, ...env },
    logFile: path.join(options.directory, `${plan.name}.log`),
    ...(options.onLogState === undefined ? {} : { onLogState: options.onLogState }),
  });
  try {
    await untilReady(plan, child, options.signal);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function untilReady(plan: ServicePlan, child: ManagedChild, signal: AbortSignal): Promise<void> {
  let exit: ChildExit | undefined;
  void child.exited.then((value) => {
    exit = value;
  });
  const deadline = performance.now() + START_TIMEOUT_MS;
  const failed = (what: string) =>
    new MeshwrightError(
      "service-failed",
      `service ${plan.name} ${what}`,
      lastLines(child.logs(), DETAIL_LINES),
    );
  while (!(await takesConnections(plan.address))) {
    signal.throwIfAborted();
    if (exit !== undefined)
      throw failed(`${describeExit(exit)} before it took requests: see its last lines and its command`);
    if (performance.now() > deadline) {
      throw failed(
        `does not listen on 127.0.0.1:${plan.address.port} after ${START_TIMEOUT_MS / 1000} s: it must take the port from $PORT`,
      );
    }
    await Promise.race([delay(POLL_MS), child.exited]);
  }
}

function takesConnections({ address, port }: UpstreamAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1_000 });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("timeout", () => settle(false));
    socket.once("error", () => settle(false));
  });
}
