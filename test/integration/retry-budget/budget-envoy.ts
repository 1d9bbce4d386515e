// An Envoy with retry-budget in its upstream chain (or its listener's) and a route that retries
// three times, for the tests of that filter; and an upstream that can take a load.

import http from "node:http";
import { expect } from "vitest";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { Json } from "../../../envoy/config/json.js";
import type { RetryPolicyOptions } from "../../../envoy/config/retry-policy.js";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import type { RetryBudgetConfig } from "../../../filters/retry-budget/schema.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { Destination } from "../../../kit/envoy/options.js";
import { ListeningServer } from "../../../kit/envoy/upstream-server.js";

export const FILTER = "retry-budget";
/** Attempts after the first, on every route. */
export const RETRIES = 3;

const METRIC = "meshwright.retry_budget.";
/** Far more than a test makes. Envoy's own default allows three retries at once. */
const NO_LIMIT = 100_000;

export interface BudgetEnvoyOptions {
  readonly upstreams: Readonly<Record<string, Destination>>;
  /** Without a configuration there is no filter. */
  readonly configuration?: RetryBudgetConfig;
  readonly retryPolicy?: Partial<RetryPolicyOptions>;
  readonly workers?: number;
  /** The path of another build of the filter. Default: the normal build. */
  readonly module?: string;
  /** Filters of the listener's chain, before the router. */
  readonly filters?: readonly HttpFilter[];
}

/** Disposing of it ends Envoy, but not the upstreams. */
export interface BudgetEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  /** Gives the filter a configuration that it must accept. */
  configure(configuration: RetryBudgetConfig): Promise<void>;
  /** The decisions so far, as `RULE OUTCOME`; those that never happened are left out. */
  decisions(): Promise<Record<string, number>>;
  /** The decisions since `before`. */
  decisionsSince(before: Record<string, number>): Promise<Record<string, number>>;
  /** The filter's gauges by name and labels. */
  gauges(): Promise<Record<string, number>>;
  /**
   * How often the router retried requests to that cluster, including those that the filter
   * answered.
   */
  routerRetries(cluster: string): Promise<number>;
  /** Checks that no worker's VM has ended. */
  expectAlive(): Promise<void>;
}

export async function startBudgetEnvoy(options: BudgetEnvoyOptions): Promise<BudgetEnvoy> {
  const { upstreams, configuration, retryPolicy, workers = 2, module = FILTER, filters = [] } = options;
  const ours =
    configuration === undefined
      ? []
      : [{ name: FILTER, module, configuration: configuration as unknown as Json }];
  const isDownstream = configuration?.where === "downstream";
  const envoy = await startEnvoy({
    filters: [...filters, ...(isDownstream ? ours : [])],
    upstreamFilters: isDownstream ? [] : ours,
    upstreams,
    workers,
    routeOptions: {
      timeoutSeconds: 10,
      retryPolicy: { retryOn: ["5xx", "reset", "connect-failure"], numRetries: RETRIES, ...retryPolicy },
    },
    clusterOptions: {
      circuitBreakers: {
        maxConnections: NO_LIMIT,
        maxPendingRequests: NO_LIMIT,
        maxRequests: NO_LIMIT,
        maxRetries: NO_LIMIT,
      },
    },
    listenerOptions: { maxRequestHeadersKb: 512 },
  });
  const metrics = async (pattern: string) =>
    [...(await envoy.admin.stats(pattern))].map(
      ([name, value]) => [name.slice(name.indexOf(METRIC) + METRIC.length), value] as const,
    );
  const decisions = async () => {
    const counters = await metrics("meshwright\\.retry_budget\\.decisions_total");
    const named = counters.map(([name, value]) => [name.replace(LABELS, "$1 $2"), value] as const);
    return Object.fromEntries(named.filter(([, value]) => value > 0));
  };
  return {
    envoy,
    decisions,
    async configure(config) {
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
    },
    async decisionsSince(before) {
      const grown = Object.entries(await decisions()).map(
        ([name, value]) => [name, value - (before[name] ?? 0)] as const,
      );
      return Object.fromEntries(grown.filter(([, value]) => value > 0));
    },
    async gauges() {
      const all = await metrics("meshwright\\.retry_budget\\.");
      return Object.fromEntries(all.filter(([name]) => !name.startsWith("decisions_total")));
    },
    async routerRetries(cluster) {
      const name = `cluster.${cluster}.upstream_rq_retry`;
      return (await envoy.admin.stats(`^${name.replaceAll(".", "\\.")}$`)).get(name) ?? 0;
    },
    async expectAlive() {
      // In Envoy 1.36 the name begins with the cluster's.
      const reloads = [...(await envoy.admin.stats(`wasm\\.${FILTER}\\.vm_reload$`))];
      expect(reloads.map(([, value]) => value)).toEqual(reloads.map(() => 0));
      expect(reloads).not.toEqual([]);
      expect(envoy.logs()).not.toContain("Function: proxy_on_");
    },
    [Symbol.asyncDispose]: () => envoy[Symbol.asyncDispose](),
  };
}

const LABELS = /^decisions_total;rule=(.*);outcome=(.*)$/;

/** How many connections each worker of the listener received. */
export async function connectionsByWorker(envoy: TestEnvoy): Promise<readonly number[]> {
  const stats = await envoy.admin.stats("^listener\\..*\\.worker_\\d+\\.downstream_cx_total$");
  return [...stats].filter(([name]) => !name.startsWith("listener.admin")).map(([, value]) => value);
}

/**
 * Removes the mark that kept the router from a retry, as a route's `response_headers_to_remove`
 * would.
 */
export function withoutMark(): HttpFilter {
  return {
    name: "envoy.filters.http.header_mutation",
    typed_config: typedConfig("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
      mutations: { response_mutations: [{ remove: "x-envoy-ratelimited" }] },
    }),
  };
}

/** One request as `startLoadUpstream` sees it. */
export interface Arrival {
  readonly path: string;
  /** Counts from 1. */
  readonly attempt: number;
}

/**
 * It counts and does not keep requests, so that it can take a load in the process of the test.
 * Disposing of it drops its connections.
 */
export interface LoadUpstream extends Destination, AsyncDisposable {
  /** How many requests arrived as attempt `n`. */
  attempts(n: number): number;
  /** How many requests arrived as any attempt but the first. */
  retries(): number;
  /** When the first attempts and the retries arrived, in milliseconds on one clock. */
  times(): { readonly requests: readonly number[]; readonly retries: readonly number[] };
  /** The highest number of retries in progress at once. */
  mostRetriesAtOnce(): number;
  reset(): void;
}

export interface LoadUpstreamOptions {
  /**
   * Whether an attempt fails. The answer is then 503 with `x-own: own` and the body `own failure`.
   * Default: always.
   */
  readonly fails?: (arrival: Arrival) => boolean;
  /** Default: 0. */
  readonly delayMs?: number;
  /** Whether it closes the connection instead of answering 503. Default: false. */
  readonly resets?: boolean;
}

export async function startLoadUpstream(options: LoadUpstreamOptions = {}): Promise<LoadUpstream> {
  const { fails = () => true, delayMs = 0, resets = false } = options;
  let attempts: number[] = [];
  let times: { requests: number[]; retries: number[] } = { requests: [], retries: [] };
  let active = 0;
  let most = 0;
  const server = http.createServer({ keepAliveTimeout: 0, maxHeaderSize: 1 << 20 }, (request, response) => {
    const attempt = Number(request.headers["x-envoy-attempt-count"]);
    attempts[attempt] = (attempts[attempt] ?? 0) + 1;
    times[attempt > 1 ? "retries" : "requests"].push(performance.now());
    if (attempt > 1) {
      active++;
      most = Math.max(most, active);
      response.on("close", () => active--);
    }
    const answer = () => {
      if (!fails({ path: request.url ?? "", attempt })) response.end("good");
      else if (resets) request.socket.destroy();
      else response.writeHead(503, { "x-own": "own" }).end("own failure");
    };
    if (delayMs === 0) answer();
    else setTimeout(answer, delayMs).unref();
  });
  const listening = await ListeningServer.start(server, "127.0.0.1");
  return {
    port: listening.port,
    attempts: (n) => attempts[n] ?? 0,
    retries: () => attempts.slice(2).reduce((sum, count) => sum + count, 0),
    times: () => times,
    mostRetriesAtOnce: () => most,
    reset() {
      attempts = [];
      times = { requests: [], retries: [] };
      most = active;
    },
    [Symbol.asyncDispose]: () => listening.stop(),
  };
}
