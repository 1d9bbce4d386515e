// The filters of a workload's listeners as an EnvoyFilter. A WasmPlugin stands before all routes of
// its listener; a filter that only some routes have is disabled in the chain, and they enable it.
// All filters of the workload are then here, because their order counts.

import { describeRoutes } from "../../compose/filter-paths.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { typedConfig } from "../../envoy/config/typed-config.js";
import type { Metadata, Note, Resource } from "../resource.js";
import { envoyFilter, HTTP_CONNECTION_MANAGER, type PatchContext } from "./envoy-filter.js";
import {
  addExtension,
  type Failure,
  type FetchedFilter,
  fetchComment,
  filterId,
  RBAC_FILTER,
  reference,
} from "./extension.js";
import { isByRoute, isGateway, type PlacedPlugin } from "./workloads.js";

/** A filter of a listener, and what it needs. */
export interface ChainedFilter extends FetchedFilter {
  readonly plugin: PlacedPlugin;
}

export interface ListenerChainParts {
  readonly metadata: Metadata & { readonly namespace: string };
  /** In the order of the chain; at least one. */
  readonly filters: readonly ChainedFilter[];
  readonly phase: "AUTHN" | "AUTHZ";
  readonly failure: Failure;
  /** The patches that enable filters on routes. */
  readonly routes: (idOf: (index: number) => string) => readonly Json[];
}

export function listenerChainResource(parts: ListenerChainParts): Resource {
  const { metadata, filters, failure, routes } = parts;
  const idOf = (i: number) => filterId(metadata, i, filters[i]?.use.filter ?? "");
  const adds = filters.map((filter, i) => addExtension(idOf(i), filter, failure));
  const entries = filters.map(({ plugin }, i) => reference(idOf(i), isByRoute(plugin)));
  const inserts = listenersOf(filters).flatMap((listener) =>
    insertPatches(
      listener,
      listener.chain.flatMap((i) => entries[i] ?? []),
      parts,
    ),
  );
  return envoyFilter({
    metadata,
    workload: filters[0]?.plugin.workload.labels,
    patches: [...adds, ...inserts, ...routes(idOf)],
    comment: [
      `${filters.map(({ use }) => use.filter).join(", ")}: the filters of ${whose(filters)}, in this order. One of them is for some routes alone, which no WasmPlugin can be.`,
      ...filters.map(({ use, place, plugin }) => `${use.filter} is from ${place}${where(plugin)}.`),
      fetchComment("request", failure),
    ],
    notes: [orderNote(parts, adds.length)],
  });
}

function whose(filters: readonly ChainedFilter[]): string {
  const workload = filters[0]?.plugin.workload;
  if (workload === undefined || workload.labels === undefined) return "all workloads of the namespace";
  return isGateway(workload) ? "the gateway" : workload.name;
}

function where({ use, isShared, service }: PlacedPlugin): string {
  const routes = isShared ? `, on the routes to ${service}` : "";
  return `${routes}${describeRoutes(use.paths)}`;
}

/** A listener, and which of the filters it has. */
interface Listener {
  readonly context: PatchContext;
  readonly port: number;
  /** Indexes, in the order of the chain. */
  readonly chain: readonly number[];
}

function listenersOf(filters: readonly ChainedFilter[]): readonly Listener[] {
  const found = new Map<string, Listener>();
  for (const [i, { plugin }] of filters.entries()) {
    for (const { mode, ports } of plugin.matches) {
      for (const port of ports) {
        const key = `${mode} ${port}`;
        const context = contextOf(plugin, mode);
        found.set(key, { context, port, chain: [...(found.get(key)?.chain ?? []), i] });
      }
    }
  }
  return [...found.values()];
}

function contextOf({ workload }: PlacedPlugin, mode: "CLIENT" | "SERVER"): PatchContext {
  if (isGateway(workload)) return "GATEWAY";
  return mode === "SERVER" ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

function insertPatches(
  listener: Listener,
  entries: readonly HttpFilter[],
  { metadata, phase }: ListenerChainParts,
): readonly Json[] {
  return hasChecks(listener, phase)
    ? beforePolicies(listener, entries, `${metadata.namespace}.${metadata.name}.place`)
    : first(listener, entries);
}

/** Whether tokens are checked in this listener, which filters of this phase come after. */
function hasChecks({ context }: Pick<Listener, "context">, phase: "AUTHN" | "AUTHZ"): boolean {
  return context !== "SIDECAR_OUTBOUND" && phase === "AUTHZ";
}

function first(listener: Listener, entries: readonly HttpFilter[]): readonly Json[] {
  return entries.map((entry, i) => {
    const before = entries[i - 1];
    return before === undefined
      ? patch(listener, undefined, "INSERT_FIRST", entry)
      : patch(listener, before.name, "INSERT_AFTER", entry);
  });
}

/** Always there; then before these, where they are there. */
const ANCHORS = ["envoy.filters.http.router", "envoy.filters.http.grpc_stats", "envoy.filters.http.rbac"];

/**
 * After the check of tokens, and before every policy. Which filters of Istio's a listener has is
 * not known, and a patch cannot ask. So a mark is put before each that may be there, the filters go
 * before the first mark, and all marks are removed.
 */
function beforePolicies(listener: Listener, entries: readonly HttpFilter[], name: string): readonly Json[] {
  // It never runs. It would let all requests pass.
  const mark = { name, typed_config: typedConfig(RBAC_FILTER) };
  return [
    ...ANCHORS.map((anchor) => patch(listener, anchor, "INSERT_BEFORE", mark)),
    ...entries.map((entry) => patch(listener, name, "INSERT_BEFORE", entry)),
    patch(listener, name, "REMOVE"),
  ];
}

function patch(
  { context, port }: Listener,
  subFilter: string | undefined,
  operation: "INSERT_FIRST" | "INSERT_AFTER" | "INSERT_BEFORE" | "REMOVE",
  value?: HttpFilter,
): Json {
  const filter = {
    name: HTTP_CONNECTION_MANAGER,
    ...(subFilter === undefined ? {} : { subFilter: { name: subFilter } }),
  };
  return {
    applyTo: "HTTP_FILTER",
    match: { context, listener: { portNumber: port, filterChain: { filter } } },
    patch: { operation, ...(value === undefined ? {} : { value: value as unknown as Json }) },
  };
}

function orderNote({ filters, phase }: ListenerChainParts, index: number): Note {
  const context = contextOf(
    filters[0]?.plugin as PlacedPlugin,
    filters[0]?.plugin.matches[0]?.mode ?? "CLIENT",
  );
  const text = hasChecks({ context }, phase)
    ? "The place is marked before the router, before what every listener has, and before the first policy. The filters go before the first mark, so after the check of tokens and before every AuthorizationPolicy. Then the marks are removed."
    : "The filters are the first of the chain.";
  return { path: ["spec", "configPatches", index], text };
}
