// A scenario: filters, the answers of upstreams, the requests of a client, and everything that was
// seen. The in-process host and stock Envoy share these types.

import type { Json } from "../../envoy/config/json.js";
import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { FailurePolicy } from "../../envoy/config/wasm.js";
import type { GrpcAnswer } from "../../kit/host/proxy-options.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../kit/traffic.js";

/**
 * The probe that does what its configuration says (`test/probes/agreement`), or a filter of the
 * catalog.
 */
export type ScenarioModule = "plan" | (typeof CATALOG_MODULES)[number];
export const CATALOG_MODULES = [
  "header-routing",
  "trace-headers",
  "fault-injection",
  "retry-budget",
  "rate-limit",
  "circuit-breaker",
  "deadline",
  "fallback",
] as const;

export interface ScenarioFilter {
  readonly name: string;
  /** Default: `plan`. */
  readonly module?: ScenarioModule;
  /**
   * In its text `{id}` becomes the scenario's own mark, which keeps its metrics, keys and queues
   * apart from those of other scenarios in the same Envoy.
   */
  readonly configuration?: Json;
  /** Default: one VM for all scenarios of an Envoy, as Envoy shares them. */
  readonly vmId?: string;
  readonly failurePolicy?: FailurePolicy;
}

/** The destinations that a scenario's routes know. The first one is the fallback. */
export const UPSTREAMS = ["upstream", "other"] as const;
export type UpstreamName = (typeof UPSTREAMS)[number];

/** The VM of filters that do not ask for their own. */
export const SHARED_VM = "agreement";
/** How long a client waits unless its scenario says otherwise, in milliseconds. */
export const PATIENCE_MS = 3_000;

export interface Scenario {
  readonly name: string;
  readonly filters?: readonly ScenarioFilter[];
  readonly upstreamFilters?: readonly ScenarioFilter[];
  /**
   * The answers of each upstream, one for each attempt. The last one also answers all later
   * attempts. Default: 200 without a body.
   */
  readonly answers?: Readonly<Partial<Record<UpstreamName, readonly UpstreamResponse[]>>>;
  /**
   * The answers of upstreams to gRPC calls of filters, by path, once a call has sent everything.
   */
  readonly grpc?: Readonly<Record<string, GrpcAnswer>>;
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** One after the other. Default: one GET of `/`. */
  readonly requests?: readonly ClientRequest[];
  /**
   * How long the client waits for a whole answer before it gives up, in milliseconds. Default:
   * `PATIENCE_MS`.
   */
  readonly patienceMs?: number;
  /** How long the client waits after each answer, in milliseconds. Default: 0. */
  readonly restMs?: number;
}

export interface SeenByClient {
  readonly status: number;
  readonly headers: HeaderList;
  /** Empty when the stream was reset, since how much had come depends on time. */
  readonly body: string;
  readonly trailers: HeaderList;
  readonly end: "whole" | "reset";
}

export interface SeenByUpstream {
  readonly upstream: string;
  readonly headers: HeaderList;
  /** Empty when the stream was reset. */
  readonly body: string;
  readonly trailers: HeaderList;
  readonly end: "whole" | "reset";
}

export interface SeenRequest {
  readonly client: SeenByClient;
  /** Envoy's response-code details and flags. */
  readonly details: string;
  readonly flags: string;
}

/** Everything that was seen of a scenario. */
export interface Seen {
  readonly requests: readonly SeenRequest[];
  /**
   * Every attempt and every call of a filter that reached an upstream, in order for each upstream.
   */
  readonly upstreams: readonly SeenByUpstream[];
  /** `PLUGIN TEXT` as the worker's probes wrote it: callbacks and host calls in order. */
  readonly logs: readonly string[];
  /** Counters and gauges of filters, unless they are 0. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A plan of the probe: the steps for each callback, by its name. See `test/probes/agreement`. */
export type Plan = Readonly<Record<string, string>>;

/** The probe with this name and plan. */
export function probe(name: string, plan: Plan = {}): ScenarioFilter {
  const configuration = Object.entries(plan)
    .map(([callback, steps]) => `${callback}: ${steps}`)
    .join(" | ");
  return { name, configuration: `name: ${name}{id} | ${configuration}` };
}
