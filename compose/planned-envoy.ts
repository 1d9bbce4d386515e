// One planned Envoy, and the same Envoy running. A discovery server gives it its filters' settings,
// so each can be changed while it runs.

import type { Bootstrap } from "../envoy/config/bootstrap.js";
import { withDiscovery } from "../envoy/config/discovery.js";
import type { DiscoveredFilter } from "../envoy/config/http-filter.js";
import { discoveredFilter, type ExtensionResource, wasmFilterResource } from "../envoy/config/wasm.js";
import { type ApplyResult, LiveFilter } from "../envoy/discovery/live-filter.js";
import type { DiscoveryServer } from "../envoy/discovery/server.js";
import type { FilterSource } from "../envoy/discovery/source.js";
import { MeshwrightError } from "../envoy/errors.js";
import type { EnvoyBinary } from "../envoy/runtime/find.js";
import type { LogState } from "../envoy/runtime/log-file.js";
import { type EnvoyProcess, startEnvoyProcess } from "../envoy/runtime/process.js";
import type { FilterUse } from "./filter-use.js";

/** A filter of one Envoy: its module and its settings. */
export interface FilterPlan extends FilterUse {
  /** Its name, unique in this Envoy. */
  readonly name: string;
  /** What the discovery server gives for it. */
  readonly resource: ExtensionResource;
}

export interface EnvoyPlan {
  readonly name: string;
  readonly bootstrap: Bootstrap;
  readonly filters: readonly FilterPlan[];
}

/** Plans a filter. `module` is its file. */
export function planFilter(
  use: FilterUse,
  { name, module }: { readonly name: string; readonly module: string },
): FilterPlan {
  return { ...use, name, resource: wasmFilterResource({ name, module, configuration: use.config }) };
}

/**
 * The entry by which a listener's or a cluster's chain refers to a planned filter. The same filter
 * may stand in several clusters.
 */
export function filterReference(filter: FilterPlan): DiscoveredFilter {
  return discoveredFilter(filter.name);
}

/** A running Envoy whose filters can be changed. Disposing of it stops it. */
export interface LiveEnvoy extends AsyncDisposable {
  readonly plan: EnvoyPlan;
  readonly process: EnvoyProcess;
  /**
   * Gives the filter of that name the resource of a newer plan. After a refusal the last good
   * resource stays in force.
   */
  apply(filter: FilterPlan): Promise<ApplyResult>;
}

export interface StartOptions {
  readonly binary: EnvoyBinary;
  /** Gives the filters' settings. Those that it has from an earlier Envoy of this plan stay. */
  readonly discovery: DiscoveryServer;
  /** The folder for the bootstrap and the logs; made when missing. */
  readonly directory: string;
  /** Worker threads, 1 or more; default 1. */
  readonly workers?: number;
  /** Envoy's `--log-level`. Default `warning`. */
  readonly logLevel?: string;
  /** How long it may take until it serves, in milliseconds; default `READY_TIMEOUT_MS`. */
  readonly readyTimeoutMs?: number;
  /** See `ChildOptions`. */
  readonly onLogState?: LogState;
  readonly signal?: AbortSignal;
}

/**
 * Starts Envoy. Throws the errors of `startEnvoyProcess`, and `MeshwrightError("configuration")`
 * when Envoy refuses a filter.
 */
export async function startPlannedEnvoy(plan: EnvoyPlan, options: StartOptions): Promise<LiveEnvoy> {
  const { binary, discovery, workers = 1, logLevel = "warning", ...rest } = options;
  const source = discovery.source(plan.bootstrap.node.id);
  for (const { name, resource } of plan.filters) {
    if (source.current(name) === undefined) source.keep(resource);
  }
  const process = await startEnvoyProcess({
    binary,
    bootstrap: withDiscovery(plan.bootstrap, discovery),
    ...rest,
    name: plan.name,
    workers,
    logLevel,
  });
  const live = new Map(plan.filters.map((filter) => [filter.name, liveFilter(process, filter, source)]));
  try {
    await checkFilters(plan, process, live);
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    plan,
    process,
    apply: async (filter) =>
      live.get(filter.name)?.apply(filter.resource) ?? {
        accepted: false,
        reason: `Envoy "${plan.name}" has no filter "${filter.name}"`,
      },
    [Symbol.asyncDispose]: () => process.stop(),
  };
}

function liveFilter(process: EnvoyProcess, filter: FilterPlan, source: FilterSource): LiveFilter {
  return new LiveFilter({ admin: process.admin, logs: () => process.logs(), name: filter.name, source });
}

async function checkFilters(
  plan: EnvoyPlan,
  process: EnvoyProcess,
  live: ReadonlyMap<string, LiveFilter>,
): Promise<void> {
  for (const { name, filter } of plan.filters) {
    const reason = await live.get(name)?.refusalAtStart();
    if (reason === undefined) continue;
    throw new MeshwrightError(
      "configuration",
      `Envoy "${plan.name}" refuses the filter ${filter}: ${reason}; correct its configuration or build the filter again`,
      process.logs().trim().split("\n").slice(-12),
    );
  }
}
