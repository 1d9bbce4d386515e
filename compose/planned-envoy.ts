// One planned Envoy, and the same Envoy running. A discovery server gives it its filters' settings,
// so each can be changed while it runs.

import path from "node:path";
import type { Bootstrap } from "../envoy/config/bootstrap.js";
import { withDiscovery } from "../envoy/config/discovery.js";
import type { HttpFilter } from "../envoy/config/http-filter.js";
import { type LiveResources, liveResources, withResources } from "../envoy/config/resources.js";
import { discoveredFilter, type ExtensionResource, wasmFilterResource } from "../envoy/config/wasm.js";
import { type ApplyResult, LiveFilter } from "../envoy/discovery/live-filter.js";
import type { ResourceServer } from "../envoy/discovery/resource-server.js";
import type { DiscoveryServer } from "../envoy/discovery/server.js";
import type { FilterSource } from "../envoy/discovery/source.js";
import { MeshwrightError } from "../envoy/errors.js";
import type { EnvoyBinary } from "../envoy/runtime/find.js";
import type { LogState } from "../envoy/runtime/log-file.js";
import { type EnvoyProcess, startEnvoyProcess } from "../envoy/runtime/process.js";
import { settingsOf } from "./chains.js";
import type { RunEvent } from "./events.js";
import { FilterLog } from "./filter-log.js";
import { entryOnPaths } from "./filter-paths.js";
import { type FilterUse, sharedVm } from "./filter-use.js";
import { changeResources, keepResources, refusalAtStart } from "./live-resources.js";
import { NATIVE, nativeOf } from "./native-filters.js";

/** A filter of one Envoy: its module and its settings. */
export interface FilterPlan extends FilterUse {
  /** Its name, unique in this Envoy. */
  readonly name: string;
  /** The module's file; absent where Envoy itself has the filter. */
  readonly module?: string;
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
  const options = { name, module, configuration: settingsOf(use), ...sharedVm(use) };
  return { ...use, name, module, resource: wasmFilterResource(options) };
}

/** Plans one of Envoy's own filters, whose name no other one in the same Envoy has. */
export function planNative(use: FilterUse): FilterPlan {
  const { name, typed_config } = nativeOf(use);
  return { ...use, name, resource: { name, typed_config } };
}

/**
 * The entry by which a listener's or a cluster's chain refers to a planned filter. The same filter
 * may stand in several clusters.
 */
export function filterReference(filter: FilterPlan): HttpFilter {
  const { name, resource } = filter;
  return entryOnPaths(discoveredFilter(name, { type: resource.typed_config["@type"] }), filter);
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
  /**
   * Gives Envoy other clusters and routes, where it was started with a server of them. After a
   * refusal the last good ones are in force.
   */
  change(before: LiveResources, after: LiveResources): Promise<ApplyResult>;
}

export interface StartOptions {
  readonly binary: EnvoyBinary;
  /** Gives the filters' settings. Those that it has from an earlier Envoy of this plan stay. */
  readonly discovery: DiscoveryServer;
  /** Gives clusters and routes. Default: they are fixed, and stand in the bootstrap. */
  readonly resources?: ResourceServer;
  /** The folder for the bootstrap and the logs; made when missing. */
  readonly directory: string;
  /** Worker threads, 1 or more; default 1. */
  readonly workers?: number;
  /** Envoy's `--log-level`. Default: `warning`, and `info` for what filters write. */
  readonly logLevel?: string;
  /** Called with what the filters write, and with how they trap. Must not throw. */
  readonly onEvent?: (event: RunEvent) => void;
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
  const { binary, discovery, resources, workers = 1, logLevel, onEvent = () => {}, ...rest } = options;
  const source = discovery.source(plan.bootstrap.node.id);
  for (const { name, resource } of plan.filters) {
    if (source.current(name) === undefined) source.keep(resource);
  }
  const given = resources?.source(plan.bootstrap.node.id);
  if (given !== undefined) keepResources(given, liveResources(plan.bootstrap));
  // With each filter's last plan but one: a new module may trap before Envoy takes it.
  let known: readonly FilterPlan[] = plan.filters;
  const log = new FilterLog({
    envoy: plan.name,
    file: path.join(rest.directory, `${plan.name}.log`),
    filters: () => known,
    onLines: (lines) => onEvent({ kind: "logged", lines }),
  });
  const process = await startEnvoyProcess({
    binary,
    bootstrap: withDiscovery(
      resources === undefined ? plan.bootstrap : withResources(plan.bootstrap, resources),
      discovery.at,
    ),
    ...rest,
    name: plan.name,
    workers,
    ...(logLevel === undefined ? { logLevel: "warning", componentLogLevel: "wasm:info" } : { logLevel }),
    onLine: (line) => log.write(line),
  });
  const live = new Map(plan.filters.map((filter) => [filter.name, liveFilter(process, filter, source)]));
  if (given !== undefined) void process.exited.then(() => given.disconnected());
  try {
    if (given !== undefined) await checkResources(plan, process);
    await checkFilters(plan, process, live);
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    plan,
    process,
    apply: async (filter) => {
      known = withNewer(known, filter);
      const applied = await live.get(filter.name)?.apply(filter.resource);
      const reason = `Envoy "${plan.name}" has no filter "${filter.name}"`;
      return applied ?? { accepted: false, reason };
    },
    change: async (before, after) => {
      if (given !== undefined) return changeResources(process, given, before, after);
      return { accepted: false, reason: `Envoy "${plan.name}" has fixed clusters and routes` };
    },
    [Symbol.asyncDispose]: () => process.stop(),
  };
}

async function checkResources(plan: EnvoyPlan, process: EnvoyProcess): Promise<void> {
  const reason = await refusalAtStart(process);
  if (reason === undefined) return;
  throw new MeshwrightError(
    "configuration",
    `Envoy "${plan.name}" refuses its clusters or routes: ${reason}; correct the mesh file`,
    process.logs().trim().split("\n").slice(-12),
  );
}

/** Of each filter at most two plans stay, the newer first. */
function withNewer(known: readonly FilterPlan[], filter: FilterPlan): readonly FilterPlan[] {
  const [last, ...older] = known.filter(({ name }) => name === filter.name);
  const others = known.filter(({ name }) => name !== filter.name);
  if (last === undefined) return [filter, ...others];
  return last.module === filter.module ? [filter, ...older, ...others] : [filter, last, ...others];
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
      `Envoy "${plan.name}" refuses the filter ${filter === NATIVE.name ? name : filter}: ${reason}; correct its configuration or build the filter again`,
      process.logs().trim().split("\n").slice(-12),
    );
  }
}
