// Starts one stock Envoy in front of services that already run, with filters whose files may be edited meanwhile.

import path from "node:path";
import type { Bootstrap } from "../../envoy/config/bootstrap.js";
import type { Json } from "../../envoy/config/json.js";
import { readDocument } from "../../envoy/document.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import type { ChildExit } from "../../envoy/runtime/child.js";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { describeUnusable, freePorts, portState } from "../../envoy/runtime/ports.js";
import { buildFilters, modulePath } from "../../filters/build.js";
import { findFilter } from "../../filters/catalog.js";
import { destinationHeader } from "../destinations.js";
import type { RunEvent } from "../events.js";
import { type RunningEnvoy, startPlannedEnvoy } from "../planned-envoy.js";
import { claimRunDirectory, type RunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import { watchContent } from "../watch.js";
import type { FilterFile, Upstreams } from "./arguments.js";
import { type FrontOptions, frontConfiguration, planFront, planFrontFilter } from "./plan.js";

const PRINTED_ADMIN_PORT = 9901;

export interface StartFrontOptions {
  readonly upstreams: Upstreams;
  /** In the order in which a request meets them. */
  readonly filters: readonly FilterFile[];
  /** Where Envoy takes requests; 0 takes a free one. */
  readonly port: number;
  /** Default: a free one. */
  readonly adminPort?: number;
  /** Certificates in PEM by which https upstreams are checked. Default: `$SSL_CERT_FILE`, else the system's. */
  readonly caFile?: string;
  /** What every upstream gets as its host. Default: one that speaks TLS its own, others what the client sent. */
  readonly hostRewrite?: string;
  /** Envoy's `--log-level`. Default `warning`. */
  readonly logLevel?: string;
  /** The run's folder is `.meshwright/run-<port>` below this one. Default: the current folder. */
  readonly cwd?: string;
  /** Where filters' modules are, and are built if need be. Default: `build` of this package. */
  readonly modules?: string;
  readonly onEvent?: (event: RunEvent) => void;
  /** Ends the start. */
  readonly signal?: AbortSignal;
}

/** A running Envoy with its filters. Disposing of it stops it and removes the run's folder. */
export interface RunningFront extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly binary: EnvoyBinary;
  /** The run's folder, absolute. */
  readonly directory: string;
  /** What the filters were set to at the start. */
  readonly options: FrontOptions;
  /** Settles when Envoy has ended, by itself or by disposal. */
  readonly exited: Promise<ChildExit>;
  logs(): string;
}

/**
 * Checks the filters' files, starts Envoy and watches the files. Throws `MeshwrightError`: `configuration` for a file, `port-taken`,
 * `already-running`, `build`, `envoy-not-found` and `envoy-failed`; the reason of `signal` when aborted.
 */
export async function startFront(options: StartFrontOptions): Promise<RunningFront> {
  checkPortsDiffer(options);
  const { signal, onEvent = () => {} } = options;
  const filters = await readFilters(options.filters);
  const caFile = await chooseCaFile(options);
  const ports = await choosePorts(options);
  const onProgress = (text: string) => onEvent({ kind: "progress", text });
  await toItsEnd(build(options, onProgress), signal);
  const binary = await toItsEnd(
    findEnvoy({ onProgress, ...(signal === undefined ? {} : { signal }) }),
    signal,
  );
  const directory = await claimRunDirectory(`run-${ports.port}`, options.cwd);
  try {
    const front: FrontOptions = {
      ...ports,
      filters,
      upstreams: options.upstreams,
      caFile,
      hostRewrite: options.hostRewrite,
      modulePath: modules(options),
    };
    const envoy = await startPlannedEnvoy(planFront(front, directory.path), {
      binary,
      directory: directory.path,
      ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
      ...(signal === undefined ? {} : { signal }),
    });
    return await watched(front, { envoy, directory, binary, onEvent, files: options.filters });
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** The configuration of the Envoy that `startFront` would start, in one piece; nothing is started. Throws as `startFront` does for files and builds. */
export async function readFrontConfiguration(options: StartFrontOptions): Promise<Bootstrap> {
  checkPortsDiffer(options);
  const filters = await readFilters(options.filters);
  const caFile = await chooseCaFile(options);
  await build(options, (text) => options.onEvent?.({ kind: "progress", text }));
  const { port, adminPort = PRINTED_ADMIN_PORT, upstreams, hostRewrite } = options;
  const rest = { upstreams, caFile, hostRewrite };
  return frontConfiguration({ port, adminPort, filters, ...rest, modulePath: modules(options) });
}

/** Undefined where nobody speaks TLS, so that a machine without certificates can do without. */
async function chooseCaFile({ upstreams, caFile }: StartFrontOptions): Promise<string | undefined> {
  const speakTls = [upstreams.fallback, ...Object.values(upstreams.named)].some((each) => each.tls);
  return speakTls ? findCaBundle(caFile === undefined ? {} : { file: caFile }) : undefined;
}

async function readFilters(files: readonly FilterFile[]): Promise<FrontOptions["filters"]> {
  return Promise.all(files.map(async (each) => ({ filter: each.filter, config: await readFilter(each) })));
}

async function readFilter({ filter, file }: FilterFile): Promise<Json> {
  return (await readDocument(file, findFilter(filter).schema, `${filter} configuration`)) as Json;
}

async function build(options: StartFrontOptions, onProgress: (line: string) => void): Promise<void> {
  const names = [...new Set(options.filters.map((each) => each.filter))];
  await buildFilters(names, {
    onProgress,
    ...(options.modules === undefined ? {} : { outDir: options.modules }),
  });
}

function modules(options: StartFrontOptions): (filter: string) => string {
  return (filter) => modulePath(filter, options.modules);
}

function checkPortsDiffer({ port, adminPort }: StartFrontOptions): void {
  if (port === 0 || port !== adminPort) return;
  throw new MeshwrightError(
    "usage",
    `--port and --admin-port are both ${port}: Envoy needs one port for requests and another for its admin interface`,
  );
}

async function choosePorts({
  port,
  adminPort,
}: StartFrontOptions): Promise<{ port: number; adminPort: number }> {
  const [free = 0, freeAdmin = 0] = await freePorts(2);
  for (const [wanted, option] of [
    [port, "--port"],
    [adminPort ?? 0, "--admin-port"],
  ] as const) {
    const state = wanted === 0 ? "free" : await portState(wanted);
    if (state === "free") continue;
    throw new MeshwrightError(
      "port-taken",
      `port ${wanted} ${describeUnusable(state, `choose another with ${option} N`)}`,
    );
  }
  return { port: port === 0 ? free : port, adminPort: adminPort || freeAdmin };
}

interface Parts {
  readonly envoy: RunningEnvoy;
  readonly directory: RunDirectory;
  readonly binary: EnvoyBinary;
  readonly files: readonly FilterFile[];
  readonly onEvent: (event: RunEvent) => void;
}

async function watched(front: FrontOptions, parts: Parts): Promise<RunningFront> {
  const { envoy, directory, binary } = parts;
  const watches = await Promise.all(
    parts.files.map(({ file }, index) =>
      watchContent(path.resolve(file), () => takeFile(front, parts, index)),
    ),
  );
  return {
    url: `http://127.0.0.1:${front.port}`,
    adminUrl: envoy.process.admin.url,
    binary,
    directory: directory.path,
    options: front,
    exited: envoy.process.exited,
    logs: () => envoy.process.logs(),
    [Symbol.asyncDispose]: async () => {
      for (const watch of watches) watch[Symbol.dispose]();
      await envoy.process.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Takes an edited file: checked here first, where the answer names line and column, and then by the filter in Envoy. */
async function takeFile(
  front: FrontOptions,
  { envoy, directory, files, onEvent }: Parts,
  index: number,
): Promise<void> {
  const file = files[index];
  if (file === undefined) return;
  try {
    const config = await readFilter(file);
    const filters = front.filters.map((use, i) => (i === index ? { ...use, config } : use));
    if (destinationHeader(filters) !== destinationHeader(front.filters)) {
      // Envoy's routes match the old header; with the new one every request would go to the fallback.
      onEvent({ kind: "restart-needed", paths: [`destinationHeader of ${file.file}`] });
      return;
    }
    const result = await envoy.apply(planFrontFilter({ ...front, filters }, index, directory.path));
    const told = { filter: file.filter, places: [file.file] };
    onEvent(
      result.accepted ? { kind: "applied", ...told } : { kind: "refused", ...told, reason: result.reason },
    );
  } catch (error) {
    if (!(error instanceof MeshwrightError)) throw error;
    onEvent({ kind: "file-refused", lines: [error.message, ...error.details] });
  }
}
