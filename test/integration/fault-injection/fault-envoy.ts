// An Envoy with fault-injection before one upstream, for the tests of that filter.

import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { FaultInjectionConfig } from "../../../filters/fault-injection/schema.js";
import { ACCESS_LOG_FIELDS, type AccessLogEntry } from "../../../kit/envoy/access-log.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { Destination, EnvoyOptions } from "../../../kit/envoy/options.js";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../../kit/envoy/upstream.js";

const FILTER = "fault-injection";
/**
 * The prefix `wasmcustom.` comes before it, and before that in Envoy 1.36 the cluster whose chain
 * it is.
 */
const METRICS = "meshwright.fault_injection.";

/**
 * What the filter stored with the stream, and microseconds from the request's first byte to the
 * first byte that the upstream was sent.
 */
const FAULT_FIELDS = {
  fault: "%FILTER_STATE(wasm.meshwright.fault_injection:PLAIN)%",
  heldUs: "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
};

/**
 * How much shorter than configured a delay may be, in milliseconds. Envoy's own timers use a clock
 * of 4 ms, and its fault filter's delays are early by as much.
 */
export const EARLY_MS = 2;

export type FaultRule = FaultInjectionConfig["rules"][number];

export interface FaultEnvoyOptions extends Omit<EnvoyOptions, "filters" | "upstreamFilters" | "upstreams"> {
  /** The chain that has the filter. Default: `downstream`. */
  readonly where?: "downstream" | "upstream";
  /** Filters before it in the listener's chain. They handle responses after it. */
  readonly before?: EnvoyOptions["filters"];
  /** The upstream named `service`, which is the default one. */
  readonly upstream?: UpstreamOptions;
  /** Other upstreams, by destination. */
  readonly upstreams?: Readonly<Record<string, Destination>>;
}

/** Disposing of it ends Envoy and the upstream. */
export interface FaultEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** Gives the filter a configuration that it must accept; `where` is added. */
  configure(config: Omit<FaultInjectionConfig, "where">): Promise<void>;
  /** The same with these rules alone. */
  rules(...rules: FaultRule[]): Promise<void>;
  /**
   * The outcomes of a rule so far, with their counts; outcomes that never happened are left out.
   */
  outcomes(rule: string): Promise<Record<string, number>>;
  /** The rule's faults that are active now. */
  active(rule: string): Promise<number | undefined>;
  /** The entries of the access log for this path, once there are at least `count`. */
  logged(path: string, count?: number): Promise<readonly AccessLogEntry[]>;
  /**
   * How long requests for this path were held, in milliseconds by Envoy's own clock, the shortest
   * first; once there are at least `count`.
   */
  heldMs(path: string, count: number): Promise<readonly number[]>;
  /** Checks that no trap has ended a VM so far. */
  expectAlive(): Promise<void>;
}

export async function startFaultEnvoy(options: FaultEnvoyOptions = {}): Promise<FaultEnvoy> {
  const { where = "downstream", before = [], upstream: upstreamOptions, upstreams, ...rest } = options;
  const upstream = await startUpstream(upstreamOptions);
  const chain = [{ name: FILTER, module: FILTER, configuration: { where, rules: [] } }];
  const envoy = await startEnvoy({
    accessLog: { ...ACCESS_LOG_FIELDS, ...FAULT_FIELDS },
    ...rest,
    ...(where === "downstream"
      ? { filters: [...before, ...chain] }
      : { filters: before, upstreamFilters: chain }),
    upstreams: { service: upstream, ...upstreams },
  });
  const configure: FaultEnvoy["configure"] = async (config) => {
    const configuration = { ...config, where } as unknown as Json;
    expect(await envoy.configure(FILTER, configuration)).toEqual({ accepted: true });
  };
  return {
    envoy,
    upstream,
    configure,
    rules: (...rules) => configure({ rules }),
    outcomes: (rule) => outcomesOf(envoy, rule),
    active: async (rule) => (await metricsOf(envoy, "active_faults")).get(`;rule=${rule}`),
    logged: (path, count = 1) => logged(envoy, path, count),
    async heldMs(path, count) {
      const entries = await logged(envoy, path, count);
      return entries.map(({ heldUs }) => Number(heldUs) / 1000).sort((a, b) => a - b);
    },
    expectAlive: () => expectAlive(envoy),
    async [Symbol.asyncDispose]() {
      await Promise.all([envoy, upstream].map((resource) => resource[Symbol.asyncDispose]()));
    },
  };
}

/** The metrics with that name, by their labels. */
async function metricsOf(envoy: TestEnvoy, name: string): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  const start = METRICS + name;
  for (const [full, value] of await envoy.admin.stats(`${start.replaceAll(".", "\\.")};`)) {
    const labels = full.slice(full.indexOf(start) + start.length);
    sums.set(labels, (sums.get(labels) ?? 0) + value);
  }
  return sums;
}

async function outcomesOf(envoy: TestEnvoy, rule: string): Promise<Record<string, number>> {
  const prefix = `;rule=${rule};outcome=`;
  const outcomes: Record<string, number> = {};
  for (const [labels, value] of await metricsOf(envoy, "decisions_total")) {
    if (labels.startsWith(prefix) && value > 0) outcomes[labels.slice(prefix.length)] = value;
  }
  return outcomes;
}

async function logged(envoy: TestEnvoy, path: string, count: number): Promise<readonly AccessLogEntry[]> {
  let entries: readonly AccessLogEntry[] = [];
  await expect
    .poll(async () => {
      entries = (await envoy.accessLog()).filter((entry) => entry.path === path);
      return entries.length;
    })
    .toBe(count);
  return entries;
}

async function expectAlive(envoy: TestEnvoy): Promise<void> {
  const reloads = [...(await envoy.admin.stats(`wasm\\.${FILTER}\\.vm_reload$`))].map(([, value]) => value);
  expect(reloads.length).toBeGreaterThan(0);
  expect(new Set(reloads)).toEqual(new Set([0]));
  expect(envoy.logs()).not.toContain("Function: proxy_on_");
}

/** What a real gRPC client gets for a call through Envoy to the destination `grpc`. */
export async function callGrpc(envoy: TestEnvoy, path: string): Promise<{ code: number; details: string }> {
  const client = new Client(`127.0.0.1:${envoy.port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("x-mesh-destination", "grpc");
  const bytes = (value: Buffer) => value;
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(path, bytes, bytes, Buffer.from("\n"), metadata, (error, message) => {
        if (error === null) resolve({ code: 0, details: String(message) });
        else resolve({ code: (error as ServiceError).code, details: error.details });
      });
    });
  } finally {
    client.close();
  }
}
