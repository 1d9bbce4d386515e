// Runs scenarios in stock Envoy: one Envoy with a listener for each. What was seen comes from the
// wire, the access log, Envoy's log and its statistics.

import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bootstrap } from "../../envoy/config/bootstrap.js";
import { cluster } from "../../envoy/config/cluster.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { httpListener } from "../../envoy/config/listener.js";
import { destinationRoutes, virtualHost } from "../../envoy/config/route.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../envoy/runtime/process.js";
import type { HeaderList } from "../../kit/traffic.js";
import { type EnvoyLine, envoyLines, mainThread } from "./envoy-lines.js";
import { grpcAnswer } from "./grpc.js";
import { normalHeaders, normalLine, normalMetrics } from "./normal.js";
import {
  PATIENCE_MS,
  type Scenario,
  type ScenarioFilter,
  type ScenarioModule,
  type Seen,
  type SeenByUpstream,
  type SeenRequest,
  SHARED_VM,
  UPSTREAMS,
} from "./scenario.js";
import { byUpstream, exchange, startWireUpstream, type WireUpstream } from "./wire.js";

/** The file of each scenario's module. */
export type ModuleFiles = Readonly<Record<ScenarioModule, string>>;

const METRICS = "wasmcustom.";
const ONLY_FILTERS = { stats_matcher: { inclusion_list: { patterns: [{ prefix: METRICS }] } } };
const ACCESS_LOG_TIMEOUT_MS = 5_000;
const MOST_STARTS = 3;
const ENDS_WITHIN_MS = 2_000;
const BROKEN_OFF: SeenRequest["client"] = { status: 0, headers: [], body: "", trailers: [], end: "reset" };

/**
 * A scenario in an Envoy that it shares. Everything named after the scenario has this mark there.
 */
interface Placed {
  readonly scenario: Scenario;
  readonly mark: string;
  readonly port: number;
  readonly upstreams: SeenByUpstream[];
  readonly attempts: Map<string, number>;
  readonly clients: SeenRequest["client"][];
  metrics: Readonly<Record<string, number>>;
}

/** What all scenarios in this Envoy saw, in their order. */
export async function inEnvoy(
  scenarios: readonly Scenario[],
  modules: ModuleFiles,
): Promise<readonly Seen[]> {
  // An Envoy with nothing to serve writes no access log.
  if (scenarios.length === 0) return [];
  for (let start = 1; ; start++) {
    const directory = await mkdtemp(path.join(tmpdir(), "meshwright-agreement-"));
    const guard = startGuard({ directory });
    const run = new Run(directory, modules);
    try {
      return await run.all(scenarios);
    } catch (error) {
      // Another process may have taken one of the hundred or so free ports meanwhile.
      const isTaken = error instanceof MeshwrightError && error.code === "port-taken";
      if (!isTaken || start === MOST_STARTS) throw error;
    } finally {
      await run.stop();
      await rm(directory, { recursive: true, force: true });
      guard.release();
    }
  }
}

class Run {
  #current: Placed | undefined;
  #upstreams: readonly WireUpstream[] = [];
  #envoy: EnvoyProcess | undefined;

  constructor(
    readonly directory: string,
    readonly modules: ModuleFiles,
  ) {}

  async all(scenarios: readonly Scenario[]): Promise<readonly Seen[]> {
    this.#upstreams = await Promise.all(UPSTREAMS.map((name) => this.#upstream(name)));
    const [adminPort = 0, ...ports] = await freePorts(scenarios.length + 1);
    const placed = scenarios.map(
      (scenario, i): Placed => ({
        scenario,
        mark: `-s${i}`,
        port: ports[i] ?? 0,
        upstreams: [],
        attempts: new Map(),
        clients: [],
        metrics: {},
      }),
    );
    const envoy = await startEnvoyProcess({
      binary: await findEnvoy(),
      // Each listener has a hundred other statistics that nobody reads. Fetching them would take
      // longer than the scenarios.
      bootstrap: { ...this.#bootstrap(placed, adminPort), stats_config: ONLY_FILTERS },
      directory: this.directory,
      readyTimeoutMs: 60_000,
    });
    this.#envoy = envoy;
    const ended = envoy.exited.then(() => "ended" as const);
    for (const each of placed) {
      if ((await Promise.race([this.#drive(each, envoy), ended])) !== "ended") continue;
      throw new Error(`Envoy ended in the scenario "${each.scenario.name}":\n${envoy.logs().slice(-4_000)}`);
    }
    const entries = await this.#accessLog(envoy, placed);
    await sleep(50);
    const lines = envoyLines(await readFile(path.join(this.directory, "envoy.log"), "utf8"));
    const main = mainThread(lines);
    return placed.map((each) => seenOf(each, entries.get(each.mark) ?? [], lines, main));
  }

  async stop(): Promise<void> {
    await this.#envoy?.stop();
    for (const upstream of this.#upstreams) await upstream[Symbol.asyncDispose]();
  }

  #upstream(name: string): Promise<WireUpstream> {
    return startWireUpstream(name, ({ headers, done }) => {
      const placed = this.#current;
      if (placed === undefined) return () => ({});
      const grpc = grpcAnswer(placed.scenario, headers);
      if (grpc !== undefined) return () => grpc;
      const at = placed.upstreams.push({ upstream: name, headers, body: "", trailers: [], end: "reset" }) - 1;
      void done.then(({ body, trailers, end }) => {
        const seen = placed.upstreams[at];
        if (seen === undefined || end === "reset") return;
        placed.upstreams[at] = { ...seen, body: body.toString("utf8"), trailers, end };
      });
      return () => {
        const attempt = placed.attempts.get(name) ?? 0;
        placed.attempts.set(name, attempt + 1);
        const answers = placed.scenario.answers?.[name as "upstream"] ?? [];
        return answers[attempt] ?? answers.at(-1) ?? {};
      };
    });
  }

  /** When Envoy has ended, it can no longer be reached, and there is no answer to wait for. */
  async #drive(placed: Placed, envoy: EnvoyProcess): Promise<void> {
    try {
      await this.#converse(placed, envoy);
    } catch (error) {
      const isRunning = await Promise.race([envoy.exited.then(() => false), sleep(ENDS_WITHIN_MS, true)]);
      if (!isRunning) return;
      // The whole connection broke off, and that is what the client saw.
      const { requests = [{}] } = placed.scenario;
      if (placed.clients.length === requests.length) throw error;
      while (placed.clients.length < requests.length) placed.clients.push(BROKEN_OFF);
    }
  }

  async #converse(placed: Placed, envoy: EnvoyProcess): Promise<void> {
    const { requests = [{}], patienceMs = PATIENCE_MS, restMs = 0 } = placed.scenario;
    const before = await envoy.admin.stats();
    this.#current = placed;
    const session = http2.connect(`http://127.0.0.1:${placed.port}`);
    session.on("error", () => {});
    for (const request of requests) {
      placed.clients.push(await exchange(session, request, patienceMs));
      if (restMs > 0) await sleep(restMs);
    }
    session.close();
    // Older releases of Envoy end some connections with an error after all answers.
    await once(session, "close").catch(() => {});
    const foreign = new RegExp(`-s\\d+(?<!${placed.mark})(?!\\d)`);
    const after = await envoy.admin.stats();
    placed.metrics = Object.fromEntries(
      [...after]
        // Metrics with the scenario's mark are its own, from the start of its filters on.
        .map(
          ([name, value]) =>
            [name, name.includes(placed.mark) ? value : value - (before.get(name) ?? 0)] as const,
        )
        .filter(([name, value]) => value !== 0 && !foreign.test(name))
        .map(([name, value]) => [name.slice(METRICS.length), value]),
    );
  }

  #bootstrap(placed: readonly Placed[], adminPort: number): object {
    const accessLogPath = path.join(this.directory, "access.log");
    return bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      listeners: placed.map((each) => {
        const { scenario, mark, port } = each;
        return httpListener({
          name: `listener${mark}`,
          port,
          filters: (scenario.filters ?? []).map((filter) => this.#filter(filter, mark)),
          virtualHosts: [
            virtualHost({
              name: "test",
              routes: destinationRoutes({
                ...scenario.routeOptions,
                destinations: Object.fromEntries(UPSTREAMS.map((name) => [name, clusterOf(each, name)])),
                fallback: clusterOf(each, UPSTREAMS[0]),
              }),
              includeAttemptCount: true,
            }),
          ],
          accessLog: {
            path: accessLogPath,
            fields: { scenario: mark, details: "%RESPONSE_CODE_DETAILS%", flags: "%RESPONSE_FLAGS%" },
          },
        });
      }),
      clusters: this.#clusters(placed),
    });
  }

  #clusters(placed: readonly Placed[]) {
    const own = placed.filter(({ scenario }) => scenario.upstreamFilters !== undefined);
    const of = (upstream: WireUpstream, name: string, filters: readonly HttpFilter[]) =>
      cluster({
        name,
        endpoints: [{ address: "127.0.0.1", port: upstream.port }],
        protocol: "http2",
        filters,
      });
    return this.#upstreams.flatMap((upstream) => [
      of(upstream, upstream.name, []),
      ...own.map((each) =>
        of(
          upstream,
          clusterOf(each, upstream.name),
          (each.scenario.upstreamFilters ?? []).map((filter) => this.#filter(filter, each.mark)),
        ),
      ),
    ]);
  }

  #filter(filter: ScenarioFilter, mark: string): HttpFilter {
    const { configuration, vmId = SHARED_VM, ...rest } = filter;
    return wasmFilter({
      ...rest,
      name: filter.name + mark,
      module: this.modules[filter.module ?? "plan"],
      vmId: vmId === SHARED_VM ? vmId : vmId + mark,
      ...(configuration === undefined ? {} : { configuration: marked(configuration, mark) }),
    });
  }

  async #accessLog(envoy: EnvoyProcess, placed: readonly Placed[]): Promise<Map<string, Entry[]>> {
    const expected = placed.reduce((sum, { clients }) => sum + clients.length, 0);
    const deadline = Date.now() + ACCESS_LOG_TIMEOUT_MS;
    for (;;) {
      await envoy.admin.post("/reopen_logs");
      await sleep(20);
      const text = await readFile(path.join(this.directory, "access.log"), "utf8");
      const entries = text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Entry);
      if (entries.length >= expected || Date.now() > deadline) return byScenario(entries);
    }
  }
}

interface Entry {
  readonly scenario: string;
  readonly details: string | null;
  readonly flags: string | null;
}

function byScenario(entries: readonly Entry[]): Map<string, Entry[]> {
  const result = new Map<string, Entry[]>();
  for (const entry of entries) {
    const others = result.get(entry.scenario);
    if (others === undefined) result.set(entry.scenario, [entry]);
    else others.push(entry);
  }
  return result;
}

function clusterOf({ scenario, mark }: Placed, name: string): string {
  return scenario.upstreamFilters === undefined ? name : name + mark;
}

function marked(configuration: Json, mark: string): Json {
  return JSON.parse(JSON.stringify(configuration).replaceAll("{id}", mark)) as Json;
}

function seenOf(placed: Placed, entries: readonly Entry[], lines: readonly EnvoyLine[], main: string): Seen {
  const { mark } = placed;
  const unmarked = (text: string) => text.replaceAll(new RegExp(`${mark}(?!\\d)`, "g"), "");
  const headersOf = (headers: HeaderList) =>
    normalHeaders(headers.map(([name, value]) => [name, unmarked(value)] as const));
  return {
    requests: placed.clients.map((client, i) => ({
      client: { ...client, headers: headersOf(client.headers), trailers: headersOf(client.trailers) },
      details: unmarked(entries[i]?.details ?? ""),
      flags: entries[i]?.flags ?? "",
    })),
    upstreams: byUpstream(
      placed.upstreams.map((seen) => ({
        ...seen,
        headers: headersOf(seen.headers),
        trailers: headersOf(seen.trailers),
      })),
    ),
    logs: lines
      .filter(({ thread, plugin }) => thread !== main && plugin.endsWith(mark))
      .map(({ plugin, text }) => normalLine(unmarked(`${plugin} ${text}`))),
    metrics: normalMetrics(
      Object.entries(placed.metrics).map(([name, value]) => [unmarked(name), value] as const),
    ),
  };
}
