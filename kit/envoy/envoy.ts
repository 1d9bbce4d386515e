// Boots a stock Envoy for a test: filters by name, upstreams by destination, and everything on free
// ports of 127.0.0.1.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { withDiscovery } from "../../envoy/config/discovery.js";
import type { Json } from "../../envoy/config/json.js";
import type { ApplyResult } from "../../envoy/discovery/live-filter.js";
import { DiscoveryServer } from "../../envoy/discovery/server.js";
import type { AdminClient } from "../../envoy/runtime/admin.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import { type AccessLogEntry, readAccessLog } from "./access-log.js";
import { NODE, testBootstrap } from "./bootstrap.js";
import { LiveFilters } from "./filters.js";
import { onFreePorts } from "./on-free-ports.js";
import type { EnvoyOptions } from "./options.js";
import { addressesOf, chooseRuntime, type EnvoyRuntime, launch, type Runtime } from "./runtime.js";

/**
 * A running Envoy. Disposing of it stops it and removes its folder. Both also happen when the
 * test's process is killed.
 */
export interface TestEnvoy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or `https:` with TLS; for HTTP/1.1 and HTTP/2. */
  readonly url: string;
  readonly port: number;
  readonly secure: boolean;
  readonly runtime: EnvoyRuntime;
  readonly admin: AdminClient;
  /** The last lines that Envoy wrote, including those of filters. */
  logs(): string;
  /**
   * Gives a filter another configuration, or none, while Envoy runs. Settles when Envoy has
   * accepted or refused it.
   * @param filterName one of `filters` or `upstreamFilters`
   */
  configure(filterName: string, configuration?: Json): Promise<ApplyResult>;
  /**
   * The entries of the access log so far, the oldest first.
   * @param atLeast waits for this many entries, since Envoy logs a request after it has sent the
   * answer
   * @throws Error when there are fewer after 5 seconds
   */
  accessLog(atLeast?: number): Promise<readonly AccessLogEntry[]>;
}

/**
 * Starts Envoy and waits until it serves with every filter configured.
 * @throws MeshwrightError `configuration` when a filter refuses its configuration, with the
 * filter's own reason, or when the options contradict each other; `build` when a module cannot be
 * built or read; `envoy-not-found` without an Envoy; `envoy-failed` and `port-taken` when Envoy
 * does not serve
 */
export async function startEnvoy(options: EnvoyOptions): Promise<TestEnvoy> {
  const runtime = await chooseRuntime(options);
  // The real path, since a container engine does not follow the links of this machine.
  const directory = await realpath(await mkdtemp(join(tmpdir(), "meshwright-test-")));
  const guard = startGuard({ directory, ...(runtime.kind === "container" ? { owner: runtime.owner } : {}) });
  const discovery = await DiscoveryServer.start(addressesOf(runtime).listen);
  const remove = async () => {
    await discovery[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
    guard.release();
  };
  try {
    return await startIn({ directory, runtime, options, discovery, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Start {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly options: EnvoyOptions;
  readonly discovery: DiscoveryServer;
  /** Removes what is left when Envoy has ended. */
  readonly remove: () => Promise<void>;
}

async function startIn({ directory, runtime, options, discovery, remove }: Start): Promise<TestEnvoy> {
  const filters = new LiveFilters(discovery.source(NODE));
  const chain = await filters.add(options.filters ?? []);
  const upstreamChain = await filters.add(options.upstreamFilters ?? []);
  const accessLogPath = join(directory, "access.log");
  const { listen: listenAddress, host: hostAddress } = addressesOf(runtime);
  const { port, envoy } = await onFreePorts(async (port, adminPort) => {
    const places = { port, adminPort, accessLogPath, listenAddress, hostAddress, chain, upstreamChain };
    const discovered = { address: hostAddress, port: discovery.port };
    const started = await launch(runtime, {
      bootstrap: withDiscovery(testBootstrap(options, places), discovered),
      directory,
      workers: options.workers ?? 2,
      ...(options.componentLogLevel === undefined ? {} : { componentLogLevel: options.componentLogLevel }),
      ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
      ports: [port, adminPort],
      readableFolders: [...new Set([...filters.moduleFolders, ...certificateFolders(options)])],
    });
    return { port, envoy: started };
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
