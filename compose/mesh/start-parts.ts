// Starts every service and every Envoy of a mesh, and tells how far it is.

import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import path from "node:path";
import type { ResourceServer } from "../../envoy/discovery/resource-server.js";
import type { DiscoveryServer } from "../../envoy/discovery/server.js";
import type { EnvoyBinary } from "../../envoy/runtime/find.js";
import type { LogState } from "../../envoy/runtime/log-file.js";
import type { HeldPort } from "../../envoy/runtime/ports.js";
import type { RunEvent } from "../events.js";
import type { EnvoyPlan } from "../planned-envoy.js";
import type { RunDirectory } from "../run-directory.js";
import { type Running, Supervised } from "../supervised.js";
import { SupervisedEnvoy } from "../supervised-envoy.js";
import { tellLogStates } from "../unwritten-logs.js";
import type { MeshPlan } from "./plan.js";
import type { ServicePlan } from "./plan-service.js";
import { Progress } from "./progress.js";
import type { MeshPart } from "./running-mesh.js";
import { startService } from "./service.js";
import { Turns } from "./turns.js";

/** A machine that starts many processes is slow to start each. */
const READY_TIMEOUT_MS = 60_000;

export interface StartPartsOptions {
  readonly binary: EnvoyBinary;
  readonly discovery: DiscoveryServer;
  readonly resources: ResourceServer;
  readonly directory: RunDirectory;
  /** The parts' ports, by the names of `portNames`. Each part's are released before it starts. */
  readonly held: ReadonlyMap<string, HeldPort>;
  /** Called before an Envoy is started again: writes what somebody has removed. */
  readonly prepare: () => Promise<void>;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

interface Start {
  readonly what: string;
  /** Undefined for a service that runs by itself. */
  readonly begin: (signal: AbortSignal) => Promise<MeshPart | undefined>;
}

/**
 * Starts all parts; the first failure ends the others. Returns those that were started for the
 * mesh, the Envoys first, in the plan's order.
 */
export async function startParts(plan: MeshPlan, options: StartPartsOptions): Promise<readonly MeshPart[]> {
  const failure = new AbortController();
  const outer = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([failure.signal, ...outer]);
  // Each part listens to it.
  setMaxListeners(0, signal);
  const starts = partStarts(plan, options);
  const progress = new Progress(starts.length, options.onEvent);
  const start = async ({ what, begin }: Start) => {
    try {
      const part = await begin(signal);
      if (!signal.aborted) progress.ready(what);
      return part;
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  for (const { what } of starts) progress.waiting(what);
  const results = await Promise.allSettled(starts.map(start)).finally(() => progress.end());
  const parts = results.flatMap((result) => (result.status === "fulfilled" ? (result.value ?? []) : []));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined && !signal.aborted) return parts;
  await Promise.all(parts.map(({ supervised }) => supervised.stop()));
  throw signal.reason ?? failed?.reason;
}

/**
 * Services start all at once, because one may wait for another. So many Envoys at once make none of
 * them ready sooner, and each would wait for the processor until its time is over.
 */
function partStarts(plan: MeshPlan, options: StartPartsOptions): readonly Start[] {
  const onLogState = tellLogStates(options.directory.path, options.onEvent);
  const turns = new Turns(2 * availableParallelism());
  return [
    ...plan.envoys.map((envoy) => ({
      what: `Envoy ${envoy.name}`,
      begin: (signal: AbortSignal) => turns.take(() => startEnvoy(envoy, options, onLogState, signal)),
    })),
    ...plan.services.map((service) => ({
      what: `service ${service.name}`,
      begin: (signal: AbortSignal) => startMeshService(service, options, onLogState, signal),
    })),
  ];
}

async function startEnvoy(
  plan: EnvoyPlan,
  options: StartPartsOptions,
  onLogState: LogState,
  signal: AbortSignal,
): Promise<MeshPart> {
  const { binary, discovery, resources, directory, onEvent, prepare } = options;
  await release(options, (port) => port.startsWith(`${plan.name} `) && port !== `${plan.name} app`);
  const envoy = await SupervisedEnvoy.start(plan, {
    what: `Envoy ${plan.name}`,
    binary,
    discovery,
    resources,
    directory: path.join(directory.path, "envoys"),
    prepare,
    readyTimeoutMs: READY_TIMEOUT_MS,
    onLogState,
    onEvent,
    signal,
  });
  return { kind: "envoy", supervised: envoy.supervised, envoy };
}

async function release({ held }: StartPartsOptions, isMeant: (name: string) => boolean): Promise<void> {
  await Promise.all([...held].map(([name, port]) => (isMeant(name) ? port.release() : undefined)));
}

async function startMeshService(
  plan: ServicePlan,
  options: StartPartsOptions,
  onLogState: LogState,
  signal: AbortSignal,
): Promise<MeshPart | undefined> {
  const { directory, onEvent } = options;
  const what = `service ${plan.name}`;
  await release(options, (port) => port === `${plan.name} app`);
  const start = (until: AbortSignal) =>
    startService(plan, { directory: directory.path, signal: until, onLogState });
  const first = await start(signal);
  if (first === undefined) return undefined;
  const again = async (over: AbortSignal): Promise<Running> => {
    const process = await start(over);
    if (process === undefined) throw new Error(`${what} is started by nobody`);
    return { process };
  };
  const supervised = new Supervised<Running>({ process: first }, { what, start: again, signal, onEvent });
  return { kind: "service", supervised };
}
