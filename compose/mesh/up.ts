// Starts a mesh: filters, Envoy, ports, then every service and every Envoy at the same time.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { describeUnusable, freePorts, portStateAt } from "../../envoy/runtime/ports.js";
import { buildFilters, modulePath } from "../../toolchain/compile/build.js";
import { namedModule } from "../../toolchain/compile/module-source.js";
import type { RunEvent } from "../events.js";
import { LOOPBACK } from "../listener-options.js";
import { isNative } from "../native-filters.js";
import { startPlannedEnvoy } from "../planned-envoy.js";
import { claimRunDirectory, type RunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import { type MeshPlanOptions, portNames } from "./addresses.js";
import { readMesh } from "./file.js";
import { type MeshPlan, planMesh } from "./plan.js";
import { type MeshPart, RunningMesh } from "./running-mesh.js";
import { startService } from "./service.js";
import type { Mesh } from "./shape.js";
import { meshEnvoys } from "./topology.js";

const DEFAULT_GATEWAY_PORT = 10_000;
const WAITING_INTERVAL_MS = 2_000;

export interface StartMeshOptions {
  /** The mesh file. */
  readonly file: string;
  /** The gateway's port, which overrides the file's; 0 takes a free one. */
  readonly gatewayPort?: number;
  /** The run's folder is `.meshwright/<mesh name>` below this one. Default: the current folder. */
  readonly cwd?: string;
  /**
   * The folder of the filters' modules; missing ones are built there. Default: `build` of this
   * package.
   */
  readonly modules?: string;
  readonly onEvent?: (event: RunEvent) => void;
  /** An abort ends the start. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a mesh and settles when every part of it takes requests. While it runs, edits of the file
 * are applied where no restart is needed.
 *
 * Throws `MeshwrightError`: `configuration` for the file, `port-taken` for the gateway's port,
 * `already-running`, `build`, `envoy-not-found`, `envoy-failed` and `service-failed`; the reason of
 * `signal` after an abort. By then everything that was started has ended. The run's folder stays
 * with the logs, except after an abort.
 */
export async function startMesh(options: StartMeshOptions): Promise<RunningMesh> {
  const { signal, onEvent = () => {} } = options;
  const file = path.resolve(options.file);
  const mesh = await readMesh(file);
  const gatewayPort = options.gatewayPort ?? mesh.gateway.port ?? DEFAULT_GATEWAY_PORT;
  await checkGatewayPort(mesh.gateway.address ?? LOOPBACK, gatewayPort, options.file);
  const onProgress = (text: string) => onEvent({ kind: "progress", text });
  await toItsEnd(buildFilters(filtersOf(mesh), { onProgress, ...outDir(options) }), signal);
  const binary = await toItsEnd(
    findEnvoy({ onProgress, ...(signal === undefined ? {} : { signal }) }),
    signal,
  );
  const directory = await claimRunDirectory(mesh.name, options.cwd);
  try {
    const planOptions: MeshPlanOptions = {
      directory: directory.path,
      home: path.dirname(file),
      caFile: speaksTls(mesh) ? await findCaBundle() : undefined,
      ports: await choosePorts(mesh, gatewayPort),
      modulePath: (filter) => namedModule(modulePath(filter, options.modules)),
    };
    const plan = planMesh(mesh, planOptions);
    const parts = await startParts(plan, { binary, directory, onEvent, ...(signal ? { signal } : {}) });
    return await RunningMesh.over({ mesh, file, plan, planOptions, parts, binary, directory, onEvent });
  } catch (error) {
    throw await afterFailure(error, directory, signal);
  }
}

async function checkGatewayPort(address: string, port: number, file: string): Promise<void> {
  const state = port === 0 ? "free" : await portStateAt(address, port);
  if (state === "free") return;
  throw new MeshwrightError(
    "port-taken",
    `port ${port} of the gateway ${describeUnusable(state, `change gateway.port in ${file}, or start with --port N`)}`,
  );
}

function outDir({ modules }: StartMeshOptions): { readonly outDir?: string } {
  return modules === undefined ? {} : { outDir: modules };
}

/** The names of the filters that the mesh uses, each once. */
function filtersOf(mesh: Mesh): string[] {
  const hops = meshEnvoys(mesh).flatMap((envoy) => envoy.hops);
  const uses = hops.flatMap((hop) => hop.filters).filter((use) => !isNative(use));
  return [...new Set(uses.map((use) => use.filter))];
}

function speaksTls(mesh: Mesh): boolean {
  const versions = Object.values(mesh.services).flatMap((service) => Object.values(service.versions));
  const called = [mesh.grpcServices ?? {}, mesh.httpServices ?? {}].flatMap((each) => Object.values(each));
  return [...versions, ...called].some((how) => "url" in how && /^https:/i.test(how.url));
}

async function choosePorts(mesh: Mesh, gatewayPort: number): Promise<ReadonlyMap<string, number>> {
  const names = portNames(mesh);
  const ports = new Map<string, number>();
  const free = await freePorts(names.length);
  for (const [i, name] of names.entries()) ports.set(name, free[i] ?? 0);
  if (gatewayPort !== 0) ports.set("gateway public", gatewayPort);
  return ports;
}

interface StartPartsOptions {
  readonly binary: EnvoyBinary;
  readonly directory: RunDirectory;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

/** All start at once; the first failure ends the others. */
async function startParts(plan: MeshPlan, options: StartPartsOptions): Promise<readonly MeshPart[]> {
  const failure = new AbortController();
  const outer = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([failure.signal, ...outer]);
  const waiting = new Set<string>();
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const timer = setInterval(() => {
    options.onEvent({ kind: "waiting", what: [...waiting], seconds: seconds() });
  }, WAITING_INTERVAL_MS);
  const parts: MeshPart[] = [];
  const start = async (what: string, begin: () => Promise<MeshPart>) => {
    waiting.add(what);
    try {
      parts.push(await begin());
      if (!signal.aborted) options.onEvent({ kind: "ready", what, seconds: seconds() });
    } catch (error) {
      failure.abort(error);
      throw error;
    } finally {
      waiting.delete(what);
    }
  };
  try {
    const results = await Promise.allSettled(
      partStarts(plan, options, signal).map(([what, begin]) => start(what, begin)),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined && !signal.aborted) return parts;
    await Promise.all(parts.map((part) => part.running?.stop()));
    throw signal.reason ?? failed?.reason;
  } finally {
    clearInterval(timer);
  }
}

function partStarts(
  plan: MeshPlan,
  { binary, directory, onEvent }: StartPartsOptions,
  signal: AbortSignal,
): [what: string, begin: () => Promise<MeshPart>][] {
  const envoys = plan.envoys.map((envoy): [string, () => Promise<MeshPart>] => [
    `Envoy ${envoy.name}`,
    async () => {
      const running = await startPlannedEnvoy(envoy, {
        binary,
        directory: path.join(directory.path, "envoys"),
        onEvent,
        signal,
      });
      return { kind: "envoy", name: envoy.name, envoy: running, running: running.process };
    },
  ]);
  const services = plan.services.map((service): [string, () => Promise<MeshPart>] => [
    `service ${service.name}`,
    async () => {
      const running = await startService(service, { directory: directory.path, signal });
      return { kind: "service", name: service.name, ...(running === undefined ? {} : { running }) };
    },
  ]);
  return [...services, ...envoys];
}

/**
 * After a failure the logs stay and the error names their folder. After an abort nothing is left.
 */
async function afterFailure(error: unknown, directory: RunDirectory, signal?: AbortSignal): Promise<unknown> {
  if (!signal?.aborted && error instanceof MeshwrightError) {
    await directory.keep();
    return new MeshwrightError(
      error.code,
      error.message,
      [...error.details, `The logs are in ${directory.path}.`],
      { cause: error },
    );
  }
  await directory[Symbol.asyncDispose]();
  return error;
}
