// Counts the requests to each version. The counts come from every Envoy that calls a service,
// because callers also count requests that never arrived.

import type { AdminClient } from "../../envoy/runtime/admin.js";
import { hasAccessRules } from "./access.js";
import { ACCESS_FILTER } from "./access-filter.js";
import { versionName } from "./names.js";
import { isTcp } from "./protocols.js";
import type { Mesh } from "./shape.js";
import { isState, stateGauges, statePattern, statesOf } from "./states.js";

/**
 * Counts since the mesh started. A gRPC call counts by its own status, not its HTTP status. Of a
 * service that speaks no HTTP the connections count, and those that could not be made as errors.
 */
export interface VersionFigures {
  readonly service: string;
  readonly version: string;
  /** Requests that were answered, by the version or by Envoy instead of it. */
  readonly requests: number;
  readonly ok: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Where calls of the service are looked at: those that its sidecar refused. */
  readonly refused?: number;
  /** Those that it would have refused without `dryRun`. */
  readonly refusedDry?: number;
  /** Where filters before it have states, those that hold now: `orders open`. May be empty. */
  readonly state?: string;
}

const COUNTERS = ["completed", "2xx", "4xx", "5xx"] as const;

/**
 * The statuses of gRPC that are the caller's fault, as in Google's mapping to HTTP: cancelled
 * (499), invalid argument (400), not found (404), already exists (409), permission denied (403),
 * resource exhausted (429), failed precondition (400), aborted (409), out of range (400),
 * unauthenticated (401). All others above 0 are the server's.
 */
const GRPC_CLIENT_ERRORS = new Set([1, 3, 5, 6, 7, 8, 9, 10, 11, 16]);

/**
 * How the counters begin of the filter that decides who may call a sidecar's app: where its
 * settings are discovered, and where the listener has them. The sidecar's name follows.
 */
const ACCESS_PREFIXES = [
  `extension_config_discovery.http_filter.${ACCESS_FILTER}.rbac.`,
  "http.inbound.rbac.",
];
const ACCESS_COUNTERS = `(${ACCESS_PREFIXES.map((each) => each.replaceAll(".", "\\.")).join("|")})[^.]+\\.(shadow_)?denied`;

type Stats = ReadonlyMap<string, number>;

/** Reads the figures, and keeps what an Envoy counted before it was started again, at 0. */
export class FigureBook {
  /** What each Envoy counted last, by its name. */
  readonly #last = new Map<string, Stats>();
  /** The counts of all that have ended. */
  #past: Stats = new Map();

  /**
   * The figures of every version, in the order of the mesh file. For an Envoy that does not answer
   * its last counts stand.
   * @param admins by the Envoys' names
   */
  async read(
    mesh: Mesh,
    admins: Iterable<readonly [name: string, admin: Pick<AdminClient, "stats">]>,
  ): Promise<readonly VersionFigures[]> {
    const http = `upstream_rq_(${COUNTERS.join("|")})|grpc\\.[0-9]+`;
    const ofClusters = `cluster\\..*\\.(${http}|upstream_cx_(total|connect_fail))`;
    const gauges = stateGauges(mesh);
    const ofStates = statePattern(gauges);
    const wanted = `^(${[ofClusters, ACCESS_COUNTERS, ofStates].filter(Boolean).join("|")})$`;
    const now = new Map<string, Stats>();
    const reads = [...admins].map(async ([name, admin]) => {
      const stats = await admin.stats(wanted).catch(() => undefined);
      if (stats === undefined) return;
      now.set(name, stats);
      this.#take(name, new Map([...stats].filter(([counter]) => !isState(counter))));
    });
    await Promise.all(reads);
    const figures = sumFigures(mesh, [...this.#last.values(), this.#past]);
    return figures.map((each) => {
      const state = statesOf(gauges, each, now);
      return state === undefined ? each : { ...each, state };
    });
  }

  #take(name: string, stats: Stats): void {
    const last = this.#last.get(name) ?? new Map<string, number>();
    // No counter goes down in an Envoy that lives.
    const isNew = [...last].some(([counter, count]) => (stats.get(counter) ?? 0) < count);
    if (isNew) this.#past = added(this.#past, last);
    this.#last.set(name, stats);
  }
}

function added(one: Stats, other: Stats): Stats {
  const sum = new Map(one);
  for (const [name, count] of other) sum.set(name, (sum.get(name) ?? 0) + count);
  return sum;
}

/** Adds up the statistics of several Envoys. */
export function sumFigures(mesh: Mesh, answers: readonly Stats[]): readonly VersionFigures[] {
  return Object.entries(mesh.services).flatMap(([service, settings]) =>
    Object.keys(settings.versions).map((version) => {
      const figures = isTcp(settings) ? connectionsOf : figuresOf;
      const each = answers.map((stats) => figures(stats, `cluster.${versionName(service, version)}.`));
      const sum = (key: keyof Figures) => each.reduce((total, figures) => total + figures[key], 0);
      return {
        service,
        version,
        requests: sum("requests"),
        ok: sum("ok"),
        clientErrors: sum("clientErrors"),
        serverErrors: sum("serverErrors"),
        ...refusals(mesh, service, versionName(service, version), answers),
      };
    }),
  );
}

function refusals(
  mesh: Mesh,
  service: string,
  sidecar: string,
  answers: readonly Stats[],
): Pick<VersionFigures, "refused" | "refusedDry"> {
  if (!hasAccessRules(mesh, service)) return {};
  const sum = (counter: string) =>
    answers
      .flatMap((stats) => ACCESS_PREFIXES.map((prefix) => stats.get(`${prefix}${sidecar}.${counter}`) ?? 0))
      .reduce((total, count) => total + count, 0);
  return { refused: sum("denied"), refusedDry: sum("shadow_denied") };
}

type Figures = Pick<VersionFigures, "requests" | "ok" | "clientErrors" | "serverErrors">;

/**
 * What one Envoy counted. An error that Envoy itself answers a gRPC call with is counted twice: as
 * an HTTP status, and as a gRPC status. The larger of the two numbers therefore has both, and what
 * it has more than the HTTP statuses came with a 200.
 */
function figuresOf(stats: Stats, prefix: string): Figures {
  const count = (counter: (typeof COUNTERS)[number]) => stats.get(`${prefix}upstream_rq_${counter}`) ?? 0;
  const [grpcClient, grpcServer] = grpcErrors(stats, `${prefix}grpc.`);
  const clientErrors = Math.max(count("4xx"), grpcClient);
  const serverErrors = Math.max(count("5xx"), grpcServer);
  const with200 = clientErrors - count("4xx") + serverErrors - count("5xx");
  return {
    requests: count("completed"),
    ok: Math.max(0, count("2xx") - with200),
    clientErrors,
    serverErrors,
  };
}

function connectionsOf(stats: Stats, prefix: string): Figures {
  const requests = stats.get(`${prefix}upstream_cx_total`) ?? 0;
  const serverErrors = stats.get(`${prefix}upstream_cx_connect_fail`) ?? 0;
  return { requests, ok: Math.max(0, requests - serverErrors), clientErrors: 0, serverErrors };
}

function grpcErrors(stats: Stats, prefix: string): [client: number, server: number] {
  let [client, server] = [0, 0];
  for (const [name, count] of stats) {
    if (!name.startsWith(prefix)) continue;
    const status = Number(name.slice(prefix.length));
    if (GRPC_CLIENT_ERRORS.has(status)) client += count;
    else if (status > 0) server += count;
  }
  return [client, server];
}
