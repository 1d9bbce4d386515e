// Starts one stock Envoy in front of services that already run. The filters' files may be edited
// while it runs.

import path from "node:path";
import type { Bootstrap } from "../../envoy/config/bootstrap.js";
import type { RouteActionOptions } from "../../envoy/config/route.js";
import { DiscoveryServer } from "../../envoy/discovery/server.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { describeUnusable, holdPorts, portStateAt } from "../../envoy/runtime/ports.js";
import type { RunnableFilter } from "../../toolchain/bundle/find.js";
import { chainOf } from "../chains.js";
import type { RunEvent } from "../events.js";
import { firstCommonPath } from "../filter-paths.js";
import type { ModulePath } from "../filter-use.js";
import { type EdgeSettings, type ListenerSettings, LOOPBACK, reachableAt } from "../listener-options.js";
import { buildModules } from "../modules.js";
import { readNativeFilters } from "../native-filters.js";
import { conditionsProblem } from "../retry-marks.js";
import { claimRunDirectory, type RunDirectory } from "../run-directory.js";
import { SupervisedEnvoy } from "../supervised-envoy.js";
import { toItsEnd } from "../to-its-end.js";
import { tellLogStates } from "../unwritten-logs.js";
import { type UpstreamAddress, upstreamUrl } from "../upstream-url.js";
import type { FilterFile, NativeFile, Upstreams } from "./arguments.js";
import { callableServices, type FrontFilter, ModuleCopies, readFrontFilter, useOf } from "./filters.js";
import { LiveFront } from "./live-front.js";
import { type FrontOptions, frontConfiguration, type PlacedNative, planFront } from "./plan.js";

const PRINTED_ADMIN_PORT = 9901;

export interface StartFrontOptions {
  readonly upstreams: Upstreams;
  /**
   * In the order in which a request passes the listener's chain, and each attempt the cluster's
   * chain.
   */
  readonly filters: readonly FilterFile[];
  /** Files of Envoy's own filters. Default: none. */
  readonly natives?: readonly NativeFile[];
  /** Services that filters call over gRPC, by the names of their clusters. Default: none. */
  readonly grpcServices?: Readonly<Record<string, UpstreamAddress>>;
  /** Services that filters call over HTTP, by the names of their clusters. Default: none. */
  readonly httpServices?: Readonly<Record<string, UpstreamAddress>>;
  /** The time for an answer, and what is retried. Default: no limit, and nothing. */
  readonly route?: RouteActionOptions;
  /** Where and how Envoy takes requests. Default: on 127.0.0.1. */
  readonly listener?: ListenerSettings & EdgeSettings;
  /** Envoy's worker threads, 1 or more. Default: 1. */
  readonly workers?: number;
  /** The port on which Envoy takes requests; 0 takes a free one. */
  readonly port: number;
  /** The port of Envoy's admin interface. Default: a free one. */
  readonly adminPort?: number;
  /**
   * Certificates in PEM by which https upstreams are checked. Default: `$SSL_CERT_FILE`, else the
   * system's.
   */
  readonly caFile?: string;
  /**
   * The host that every upstream gets. Default: an upstream that speaks TLS gets its own, others
   * the client's.
   */
  readonly hostRewrite?: string;
  /** Envoy's `--log-level`. Default `warning`. */
  readonly logLevel?: string;
  /**
   * The run's folder is `.meshwright/run_<port>` below this one. No mesh can have that name.
   * Default: the current folder.
   */
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

/** A running Envoy with its filters. Disposing of it stops it and removes the run's folder. */
export interface RunningFront extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly binary: EnvoyBinary;
  /** The run's folder, absolute. */
  readonly directory: string;
  /** The filters' settings at the start. */
  readonly options: FrontOptions;
  /** What can be started again. */
  readonly partNames: readonly string[];
  /** Starts Envoy again at once, whether it is up or not. */
  restart(): Promise<void>;
}

/**
 * Checks the filters' files, starts Envoy and watches the files. Throws `MeshwrightError`:
 * `configuration` for a file, `port-taken`, `already-running`, `build`, `envoy-not-found` and
 * `envoy-failed`; the reason of `signal` after an abort.
 */
export async function startFront(options: StartFrontOptions): Promise<RunningFront> {
  checkPortsDiffer(options);
  const { signal, onEvent = () => {}, modules: outDir } = options;
  const filters = await readFilters(options);
  const natives = await readNatives(options);
  const caFile = await chooseCaFile(options);
  const { release, ...ports } = await choosePorts(options);
  // Before a build and a fetch that may take minutes, and would be for nothing.
  const directory = await claimRunDirectory(`run_${ports.port}`, options.cwd);
  const discovery = await DiscoveryServer.start();
  let envoy: SupervisedEnvoy | undefined;
  const end = async () => {
    await release();
    await envoy?.supervised.stop();
    await discovery[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  try {
    const onProgress = (text: string) => onEvent({ kind: "progress", text });
    const built = await toItsEnd(buildModules(membersOf(filters), { outDir, onProgress }), signal);
    const abort = signal === undefined ? {} : { signal };
    const binary = await toItsEnd(findEnvoy({ onProgress, ...abort }), signal);
    const copies = new ModuleCopies(path.join(directory.path, "modules"));
    const modules = await copies.copyAll(built);
    const modulePath: ModulePath = (use) => copies.pathOf(modules.get(use.filter) ?? "", use);
    const front: FrontOptions = { ...frontOptions(options, filters), modulePath, natives, ...ports, caFile };
    await release();
    envoy = await SupervisedEnvoy.start(planFront(front), {
      what: "Envoy",
      binary,
      discovery,
      directory: directory.path,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
      ...abort,
      prepare: () => copies.restore(),
      onLogState: tellLogStates(directory.path, onEvent),
      onEvent,
    });
    const live = await LiveFront.follow({
      front,
      envoy,
      directory,
      filters,
      modules,
      copies,
      outDir,
      onEvent,
    });
    return runningFront(front, { envoy, live, binary, directory, end });
  } catch (error) {
    await end();
    throw error;
  }
}

interface FrontRun {
  readonly envoy: SupervisedEnvoy;
  readonly live: LiveFront;
  readonly binary: EnvoyBinary;
  readonly directory: RunDirectory;
  readonly end: () => Promise<void>;
}

function runningFront(front: FrontOptions, { envoy, live, binary, directory, end }: FrontRun): RunningFront {
  return {
    url: upstreamUrl({ address: reachableAt(front.listener?.address ?? LOOPBACK), port: front.port }),
    adminUrl: `http://127.0.0.1:${front.adminPort}`,
    binary,
    directory: directory.path,
    options: front,
    partNames: [envoy.supervised.what],
    restart: () => envoy.supervised.restart(),
    [Symbol.asyncDispose]: async () => {
      live[Symbol.dispose]();
      await end();
    },
  };
}

/**
 * The configuration of the Envoy that `startFront` would start, as one document; nothing is
 * started. Throws as `startFront` does for files and builds.
 */
export async function readFrontConfiguration(options: StartFrontOptions): Promise<Bootstrap> {
  checkPortsDiffer(options);
  const filters = await readFilters(options);
  const natives = await readNatives(options);
  const caFile = await chooseCaFile(options);
  const onProgress = (text: string) => options.onEvent?.({ kind: "progress", text });
  const built = await buildModules(membersOf(filters), { outDir: options.modules, onProgress });
  const { port, adminPort = PRINTED_ADMIN_PORT } = options;
  const modulePath: ModulePath = ({ filter }) => built.get(filter) ?? "";
  return frontConfiguration({
    ...frontOptions(options, filters),
    modulePath,
    natives,
    port,
    adminPort,
    caFile,
  });
}

async function readFilters(options: StartFrontOptions): Promise<readonly FrontFilter[]> {
  const services = callableServices(options);
  const filters = await Promise.all(options.filters.map((filter) => readFrontFilter(filter, services)));
  const problem = conditionsProblem(filters.map(useOf), options.route?.retryPolicy?.retryOn);
  if (problem !== undefined) throw new MeshwrightError("usage", `--retry-on ${problem}`);
  checkPathsDiffer(filters);
  return filters;
}

/** Without paths, a filter may be there twice; with paths, two of its settings must not meet. */
function checkPathsDiffer(filters: readonly FrontFilter[]): void {
  for (const [i, { member, paths, ...later }] of filters.entries()) {
    for (const earlier of filters.slice(0, i)) {
      const isByPath = paths !== undefined || earlier.paths !== undefined;
      const isOther = earlier.member.name !== member.name;
      if (!isByPath || isOther || chainOf(useOf(earlier)) !== chainOf(useOf({ member, ...later }))) continue;
      const common = firstCommonPath(earlier, { paths });
      if (common === undefined) continue;
      throw new MeshwrightError(
        "usage",
        `--filter ${member.name}: ${earlier.file} and ${later.file} are both for "${common}"; except it from one of them, as in ${member.name}@/,-/login=${earlier.file}`,
      );
    }
  }
}

async function readNatives({ natives = [] }: StartFrontOptions): Promise<readonly PlacedNative[]> {
  const read = natives.map(async (from) =>
    (await readNativeFilters(from.file)).map((filter) => ({ filter, before: from.before, from })),
  );
  return (await Promise.all(read)).flat();
}

function membersOf(filters: readonly FrontFilter[]): readonly RunnableFilter[] {
  return filters.map(({ member }) => member);
}

function frontOptions(
  { upstreams, grpcServices, httpServices, route, listener, hostRewrite }: StartFrontOptions,
  filters: readonly FrontFilter[],
): Omit<FrontOptions, "modulePath" | "port" | "adminPort" | "caFile"> {
  return {
    filters: filters.map(useOf),
    upstreams,
    grpcServices,
    httpServices,
    route,
    listener,
    hostRewrite,
  };
}

/** Undefined where no upstream speaks TLS: a machine then needs no certificates. */
async function chooseCaFile(options: StartFrontOptions): Promise<string | undefined> {
  const { upstreams, grpcServices = {}, httpServices = {}, caFile } = options;
  const { fallback, named } = upstreams;
  const others = [named, grpcServices, httpServices].flatMap((each) => Object.values(each));
  const speakTls = [fallback, ...others].some((each) => each.tls);
  return speakTls ? findCaBundle(caFile === undefined ? {} : { file: caFile }) : undefined;
}

function checkPortsDiffer({ port, adminPort }: StartFrontOptions): void {
  if (port === 0 || port !== adminPort) return;
  throw new MeshwrightError(
    "usage",
    `--port and --admin-port are both ${port}: Envoy needs one port for requests and another for its admin interface`,
  );
}

interface ChosenPorts {
  readonly port: number;
  readonly adminPort: number;
  /** Until then no other process can take them. A port that a person chose is not held. */
  readonly release: () => Promise<void>;
}

async function choosePorts({ port, adminPort = 0, listener }: StartFrontOptions): Promise<ChosenPorts> {
  for (const [wanted, option, address] of [
    [port, "--port", listener?.address ?? LOOPBACK],
    [adminPort, "--admin-port", LOOPBACK],
  ] as const) {
    const state = wanted === 0 ? "free" : await portStateAt(address, wanted);
    if (state === "free") continue;
    throw new MeshwrightError(
      "port-taken",
      `port ${wanted} ${describeUnusable(state, `choose another with ${option} N`)}`,
    );
  }
  const [free, freeAdmin] = await holdPorts(2);
  return {
    port: port || (free?.port ?? 0),
    adminPort: adminPort || (freeAdmin?.port ?? 0),
    release: async () => {
      await Promise.all([free?.release(), freeAdmin?.release()]);
    },
  };
}
