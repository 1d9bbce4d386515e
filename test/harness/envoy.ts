// Boots a stock Envoy for a test: filters by name, upstreams by destination, everything on free ports of 127.0.0.1.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bootstrap, bootstrap } from "../../envoy/config/bootstrap.js";
import { cluster } from "../../envoy/config/cluster.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { type HttpListenerOptions, httpListener } from "../../envoy/config/listener.js";
import { type DestinationRoutesOptions, destinationRoutes, virtualHost } from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { AdminClient } from "../../envoy/runtime/admin.js";
import { findEnvoy } from "../../envoy/runtime/find.js";
import type { ApplyResult } from "../../envoy/runtime/live-file.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../envoy/runtime/process.js";
import { type HarnessFilter, LiveFilters } from "./filters.js";
import type { Upstream } from "./upstream.js";

export interface EnvoyOptions {
  /** The listener's chain, in its order. */
  readonly filters?: readonly HarnessFilter[];
  /** From a destination's name to the server behind it; at least one. */
  readonly upstreams: Readonly<Record<string, Upstream>>;
  /** The destination of a request whose header names none of `upstreams`. Default: the first of them. */
  readonly defaultUpstream?: string;
  readonly listenerOptions?: Omit<
    HttpListenerOptions,
    "name" | "address" | "port" | "filters" | "virtualHosts" | "accessLog"
  >;
  /** Of every route: the header that names the destination, the timeout, retries. */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** The chain of every upstream's cluster. */
  readonly upstreamFilters?: readonly HttpFilter[];
  /** How many workers. Default: 2, so that what one worker alone knows shows. */
  readonly concurrency?: number;
  /** What an entry of the access log holds, as Envoy's commands. Default: `ACCESS_LOG_FIELDS`. */
  readonly accessLog?: Readonly<Record<string, string>>;
  /** Envoy's log levels by component, such as `wasm:debug`. */
  readonly componentLogLevel?: string;
}

/** An entry of the access log: the fields that were asked for. */
export type AccessLogEntry = Readonly<Record<string, Json>>;

/** A running Envoy. Disposing of it stops it and removes its folder. */
export interface TestEnvoy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, for HTTP/1.1 and HTTP/2. */
  readonly url: string;
  readonly port: number;
  readonly admin: AdminClient;
  /** The last lines that Envoy wrote, filters' lines among them. */
  logs(): string;
  /**
   * Gives a filter another configuration, or none, while Envoy runs; it settles when Envoy has taken or refused it.
   * @param filterName one of `filters`
   */
  configure(filterName: string, configuration?: Json): Promise<ApplyResult>;
  /**
   * The entries of the access log so far, the oldest first.
   * @param atLeast waits for so many entries, since a request is logged after its answer is sent
   * @throws Error when there are fewer after 5 seconds
   */
  accessLog(atLeast?: number): Promise<readonly AccessLogEntry[]>;
}

/** What an entry of the access log holds unless a test asks for other fields. */
export const ACCESS_LOG_FIELDS: Readonly<Record<string, string>> = {
  method: "%REQ(:METHOD)%",
  path: "%REQ(:PATH)%",
  protocol: "%PROTOCOL%",
  status: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER%",
};

const ACCESS_LOG_TIMEOUT_MS = 5_000;

/**
 * Starts Envoy and waits until it serves with every filter configured.
 * @throws MeshwrightError `configuration` when a filter refuses its configuration, with the filter's own reason;
 *   `build` when a module is not built; and what `findEnvoy` and `startEnvoyProcess` throw
 */
export async function startEnvoy(options: EnvoyOptions): Promise<TestEnvoy> {
  const directory = await mkdtemp(join(tmpdir(), "meshwright-test-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    return await startIn(directory, options, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startIn(
  directory: string,
  options: EnvoyOptions,
  remove: () => Promise<void>,
): Promise<TestEnvoy> {
  const filters = new LiveFilters(join(directory, "filters"), options.filters ?? []);
  await filters.write();
  const [port = 0, adminPort = 0] = await freePorts(2);
  const accessLogPath = join(directory, "access.log");
  const envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    bootstrap: testBootstrap(options, { port, adminPort, accessLogPath, chain: filters.chain }),
    directory,
    concurrency: options.concurrency ?? 2,
    ...(options.componentLogLevel === undefined ? {} : { componentLogLevel: options.componentLogLevel }),
  });
  try {
    await filters.attach(envoy);
  } catch (error) {
    await envoy.stop();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    admin: envoy.admin,
    logs: () => envoy.logs(),
    configure: (name, configuration) => filters.configure(name, configuration),
    accessLog: (atLeast = 0) => readAccessLog(envoy, accessLogPath, atLeast),
    async [Symbol.asyncDispose]() {
      await envoy.stop();
      await remove();
    },
  };
}

interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly accessLogPath: string;
  readonly chain: readonly HttpFilter[];
}

function testBootstrap(options: EnvoyOptions, { port, adminPort, accessLogPath, chain }: Places): Bootstrap {
  const names = Object.keys(options.upstreams);
  const fallback = options.defaultUpstream ?? names[0];
  if (fallback === undefined || !names.includes(fallback)) {
    throw new MeshwrightError(
      "configuration",
      `the default upstream ${fallback ?? ""} is none of upstreams: name one of [${names.join(", ")}]`,
    );
  }
  const routes = destinationRoutes({
    ...options.routeOptions,
    destinations: Object.fromEntries(names.map((name) => [name, name])),
    fallback,
  });
  return bootstrap({
    node: { id: "test", cluster: "test" },
    adminPort,
    statsTags: statsTags(),
    listeners: [
      httpListener({
        ...options.listenerOptions,
        name: "test",
        port,
        filters: chain,
        virtualHosts: [virtualHost({ name: "test", routes, includeAttemptCount: true })],
        accessLog: { path: accessLogPath, fields: options.accessLog ?? ACCESS_LOG_FIELDS },
      }),
    ],
    clusters: Object.entries(options.upstreams).map(([name, upstream]) =>
      cluster({
        name,
        endpoints: [{ address: "127.0.0.1", port: upstream.port }],
        protocol: upstream.protocol,
        filters: options.upstreamFilters ?? [],
      }),
    ),
  });
}

async function readAccessLog(
  envoy: EnvoyProcess,
  path: string,
  atLeast: number,
): Promise<readonly AccessLogEntry[]> {
  const deadline = Date.now() + ACCESS_LOG_TIMEOUT_MS;
  for (;;) {
    // By itself Envoy writes its buffer every ten seconds only; to reopen a log it writes what it has.
    await envoy.admin.post("/reopen_logs");
    await sleep(20);
    // What stands after the last line end is a line that is still being written.
    const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
    if (lines.length >= atLeast) return lines.map((line) => JSON.parse(line) as AccessLogEntry);
    if (Date.now() > deadline) {
      throw new Error(`the access log has ${lines.length} entries, not ${atLeast}:\n${lines.join("\n")}`);
    }
  }
}
