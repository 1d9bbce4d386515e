// Boots a stock Envoy for a test: filters by name, upstreams by destination, everything on free
// ports of 127.0.0.1.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { ClusterOptions } from "../../envoy/config/cluster.js";
import type { Json } from "../../envoy/config/json.js";
import type { HttpListenerOptions } from "../../envoy/config/listener.js";
import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { UpstreamTlsOptions } from "../../envoy/config/tls.js";
import type { AdminClient } from "../../envoy/runtime/admin.js";
import type { ContainerNetwork } from "../../envoy/runtime/engine.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import type { ApplyResult } from "../../envoy/runtime/live-file.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { type AccessLogEntry, readAccessLog } from "./access-log.js";
import { testBootstrap } from "./bootstrap.js";
import { type ChainFilter, LiveFilters } from "./filters.js";
import { addressesOf, chooseRuntime, type EnvoyRuntime, launch, type Runtime } from "./runtime.js";

/** A server of this machine that Envoy sends requests to: an `Upstream`, or another `TestEnvoy`. */
export interface Destination {
  readonly port: number;
  /** What Envoy speaks to it. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Whether it speaks TLS. Default: false. */
  readonly secure?: boolean;
}

export interface EnvoyOptions {
  /** The listener's chain, in its order. */
  readonly filters?: readonly ChainFilter[];
  /** From a destination's name to the server behind it; at least one. */
  readonly upstreams: Readonly<Record<string, Destination>>;
  /**
   * Whose certificates the upstreams with TLS must show, and which one Envoy shows them, by
   * destination; files of this machine.
   */
  readonly upstreamTls?: Readonly<Record<string, UpstreamTlsOptions>>;
  /**
   * The destination of a request whose header names none of `upstreams`. Default: the first of
   * them.
   */
  readonly defaultUpstream?: string;
  /** Of the listener, TLS from clients among them. */
  readonly listenerOptions?: Omit<
    HttpListenerOptions,
    "name" | "address" | "port" | "filters" | "virtualHosts" | "accessLog"
  >;
  /** Of every route: the header that names the destination, the timeout, retries. */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** Of every upstream's cluster. */
  readonly clusterOptions?: Pick<ClusterOptions, "circuitBreakers" | "connectTimeoutSeconds">;
  /** The chain of every upstream's cluster, which sees every attempt. */
  readonly upstreamFilters?: readonly ChainFilter[];
  /** How many workers. Default: 2, so that what one worker alone knows shows. */
  readonly workers?: number;
  /** What an entry of the access log holds, as Envoy's commands. Default: `ACCESS_LOG_FIELDS`. */
  readonly accessLog?: Readonly<Record<string, string>>;
  /** Envoy's log levels by component, such as `wasm:debug`. */
  readonly componentLogLevel?: string;
  /**
   * Default: what `MESHWRIGHT_ENVOY` says, else a process where an Envoy is to be had and a
   * container where not.
   */
  readonly runtime?: EnvoyRuntime;
  /**
   * Of a container. Default: the host's own where the engine has it, as on Linux. With ports that
   * are published, upstreams on Linux must listen on `0.0.0.0`.
   */
  readonly network?: ContainerNetwork;
}

/**
 * A running Envoy. Disposing of it stops it and removes its folder; when the process of the test is
 * killed instead, both go as well.
 */
export interface TestEnvoy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or `https:` with TLS; for HTTP/1.1 and HTTP/2. */
  readonly url: string;
  readonly port: number;
  readonly secure: boolean;
  readonly runtime: EnvoyRuntime;
  readonly admin: AdminClient;
  /** The last lines that Envoy wrote, filters' lines among them. */
  logs(): string;
  /**
   * Gives a filter another configuration, or none, while Envoy runs; it settles when Envoy has
   * taken or refused it.
   * @param filterName one of `filters` or `upstreamFilters`
   */
  configure(filterName: string, configuration?: Json): Promise<ApplyResult>;
  /**
   * The entries of the access log so far, the oldest first.
   * @param atLeast waits for so many entries, since a request is logged after its answer is sent
   * @throws Error when there are fewer after 5 seconds
   */
  accessLog(atLeast?: number): Promise<readonly AccessLogEntry[]>;
}

/**
 * Starts Envoy and waits until it serves with every filter configured.
 * @throws MeshwrightError `configuration` when a filter refuses its configuration, with the
 * filter's own reason, or the options do not fit each other; `build` when a module cannot be
 * built or read; `envoy-not-found`, `envoy-failed` and `port-taken` when there is no Envoy or it
 * does not serve
 */
export async function startEnvoy(options: EnvoyOptions): Promise<TestEnvoy> {
  const runtime = await chooseRuntime(options);
  // Real, for an engine does not follow the links of this machine.
  const directory = await realpath(await mkdtemp(join(tmpdir(), "meshwright-test-")));
  const guard = startGuard({ directory, ...(runtime.kind === "container" ? { owner: runtime.owner } : {}) });
  const remove = async () => {
    await rm(directory, { recursive: true, force: true });
    guard.release();
  };
  try {
    return await startIn(directory, runtime, options, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startIn(
  directory: string,
  runtime: Runtime,
  options: EnvoyOptions,
  remove: () => Promise<void>,
): Promise<TestEnvoy> {
  const filters = new LiveFilters(join(directory, "filters"));
  const chain = await filters.add(options.filters ?? []);
  const upstreamChain = await filters.add(options.upstreamFilters ?? []);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const accessLogPath = join(directory, "access.log");
  const { listen: listenAddress, host: hostAddress } = addressesOf(runtime);
  const places = { port, adminPort, accessLogPath, listenAddress, hostAddress, chain, upstreamChain };
  const envoy = await launch(runtime, {
    bootstrap: testBootstrap(options, places),
    directory,
    workers: options.workers ?? 2,
    ...(options.componentLogLevel === undefined ? {} : { componentLogLevel: options.componentLogLevel }),
    ports: [port, adminPort],
    readableFolders: [...new Set([...filters.moduleFolders, ...certificateFolders(options)])],
  });
  try {
    await filters.attach(envoy);
  } catch (error) {
    await envoy.stop();
    throw error;
  }
  const secure = options.listenerOptions?.tls !== undefined;
  return {
    url: `${secure ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    secure,
    runtime: runtime.kind,
    admin: envoy.admin,
    logs: () => envoy.logs(),
    configure: (name, configuration) => filters.configure(name, configuration),
    accessLog: (atLeast = 0) => readAccessLog(envoy.admin, accessLogPath, atLeast),
    async [Symbol.asyncDispose]() {
      await envoy.stop();
      await remove();
    },
  };
}

function certificateFolders({ listenerOptions, upstreamTls = {} }: EnvoyOptions): readonly string[] {
  const { certFile, keyFile, clientCaFile } = listenerOptions?.tls ?? {};
  const ours = Object.values(upstreamTls).flatMap((tls) => [tls.caFile, tls.certFile, tls.keyFile]);
  return [certFile, keyFile, clientCaFile, ...ours]
    .filter((file) => file !== undefined)
    .map((file) => dirname(resolve(file)));
}
