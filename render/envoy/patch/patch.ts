// Puts filters into an operator's own `envoy.yaml`: computes what the file's value must become.

import { isDeepStrictEqual } from "node:util";
import type { Cluster } from "../../../envoy/config/cluster.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { StatsTag } from "../../../envoy/config/stats-tags.js";
import { listed, nearest } from "../../../envoy/problems.js";
import { type ClusterChain, withChain } from "./clusters.js";
import { isManager, type ManagerPlan, routedClusters, withManager } from "./manager.js";
import { type Fields, fieldsAt, listAt, type PatchContext, type Path, refuse } from "./place.js";

/** The name of an Envoy that had none. */
const NODE = "envoy";

export interface PatchPlan extends Omit<ManagerPlan, "destinationsOf">, Pick<ClusterChain, "outlierHeaders"> {
  /** The chain of the cluster with that name: the filters that see each of its attempts. */
  readonly attempts: (cluster: string) => readonly HttpFilter[];
  /** The listener; needed where several have an HTTP connection manager. */
  readonly listener: string | undefined;
  /** The clusters that get them. Default: those to which the listener's routes lead. */
  readonly clusters: readonly string[] | undefined;
  readonly destinations: readonly Destination[];
  /** Clusters of services that filters call. */
  readonly called: readonly Cluster[];
  /** The names of clusters that filters call. */
  readonly calls: readonly string[];
  readonly statsTags: readonly StatsTag[];
  /** Whether settings come from files, which Envoy reads for a node that has a name. */
  readonly needsNode: boolean;
}

/** The cluster that serves a destination. */
export interface Destination {
  /** The cluster in whose place it stands; undefined where the routes lead to one cluster alone. */
  readonly from: string | undefined;
  readonly name: string;
  readonly to: string;
}

/** The value of a file with the filters in it. */
export function patched(context: PatchContext, root: unknown, plan: PatchPlan): Fields {
  const file = fieldsAt(context, root, []) ?? {};
  const at = ["static_resources"];
  const resources = fieldsAt(context, file.static_resources, at);
  if (resources === undefined) {
    refuse(context, [], "has no static_resources, so that there is no listener in it to patch");
  }
  const listeners = listAt(context, resources.listeners, [...at, "listeners"]);
  const chosen = chosenListener(context, listeners, [...at, "listeners"], plan.listener);
  const routed = managersOf(context, listeners[chosen] ?? {}, [...at, "listeners", chosen]).flatMap(
    ({ filter, path }) => routedClusters(context, filter, path),
  );
  const destinationsOf = destinationsBy(plan, [...new Set(routed)]);
  const { origins } = context;
  const newListeners = listeners.map((listener, i) =>
    i === chosen
      ? withListener(context, listener, [...at, "listeners", i], { ...plan, destinationsOf })
      : listener,
  );
  const clusters = withClusters(context, resources, plan, routed);
  const changed = origins.changed(file, {
    static_resources: origins.changed(resources, {
      listeners: origins.items(listeners, newListeners),
      ...clusters,
    }),
  });
  return withNode(context, withStatsTags(context, changed, plan.statsTags), plan);
}

/** `--service-node` and `--service-cluster` of Envoy's command line still count more. */
function withNode(context: PatchContext, file: Fields, { needsNode }: PatchPlan): Fields {
  if (!needsNode) return file;
  const node = fieldsAt(context, file.node, ["node"]);
  const missing = ["id", "cluster"].filter((key) => node?.[key] === undefined || node[key] === "");
  if (missing.length === 0) return file;
  const names = Object.fromEntries(missing.map((key) => [key, NODE]));
  return context.origins.changed(file, {
    node: node === undefined ? names : context.origins.changed(node, names),
  });
}

function chosenListener(
  context: PatchContext,
  listeners: readonly Fields[],
  path: Path,
  name: string | undefined,
): number {
  const names = listeners.map((listener) => String(listener.name ?? ""));
  const fit = listeners.flatMap((listener, i) =>
    managersOf(context, listener, [...path, i]).length > 0 ? [i] : [],
  );
  const known = fit.map((i) => names[i] ?? "");
  if (fit.length === 0)
    refuse(context, path, "have no HTTP connection manager (API v3), in which HTTP filters stand");
  if (name === undefined) {
    const [first = 0] = fit;
    if (fit.length === 1) return first;
    return refuse(
      context,
      path,
      `several have an HTTP connection manager: choose one by --listener, of ${listed(known)}`,
    );
  }
  const found = fit.find((i) => names[i] === name);
  if (found !== undefined) return found;
  const near = nearest(name, known);
  const help = near === undefined ? `there is ${listed(known)}` : `did you mean "${near}"?`;
  return refuse(context, path, `there is no listener "${name}" with an HTTP connection manager; ${help}`);
}

interface Manager {
  readonly filter: Fields;
  readonly path: Path;
}

function managersOf(context: PatchContext, listener: Fields, path: Path): readonly Manager[] {
  const chains = [
    ...listAt(context, listener.filter_chains, [...path, "filter_chains"]).map((chain, i) => ({
      chain,
      at: [...path, "filter_chains", i],
    })),
    ...[fieldsAt(context, listener.default_filter_chain, [...path, "default_filter_chain"])].flatMap(
      (chain) => (chain === undefined ? [] : [{ chain, at: [...path, "default_filter_chain"] }]),
    ),
  ];
  return chains.flatMap(({ chain, at }) =>
    listAt(context, chain.filters, [...at, "filters"])
      .map((filter, i) => ({ filter, path: [...at, "filters", i] }))
      .filter((each) => isManager(context, each.filter, each.path)),
  );
}

function withListener(context: PatchContext, listener: Fields, path: Path, plan: ManagerPlan): Fields {
  const { origins } = context;
  const withChainOf = (chain: Fields, at: Path): Fields => {
    if (chain.filters === undefined) return chain;
    const filters = listAt(context, chain.filters, [...at, "filters"]);
    const items = filters.map((filter, i) => {
      const place = [...at, "filters", i];
      return isManager(context, filter, place) ? withManager(context, filter, place, plan) : filter;
    });
    return origins.changed(chain, { filters: origins.items(filters, items) });
  };
  const chains = listAt(context, listener.filter_chains, [...path, "filter_chains"]);
  const last = fieldsAt(context, listener.default_filter_chain, [...path, "default_filter_chain"]);
  return origins.changed(listener, {
    ...(listener.filter_chains === undefined
      ? {}
      : {
          filter_chains: origins.items(
            chains,
            chains.map((chain, i) => withChainOf(chain, [...path, "filter_chains", i])),
          ),
        }),
    ...(last === undefined
      ? {}
      : { default_filter_chain: withChainOf(last, [...path, "default_filter_chain"]) }),
  });
}

function destinationsBy(
  { destinations }: PatchPlan,
  routed: readonly string[],
): ManagerPlan["destinationsOf"] {
  const only = routed.length === 1 ? routed[0] : undefined;
  return (cluster) =>
    Object.fromEntries(
      destinations.filter(({ from }) => (from ?? only) === cluster).map(({ name, to }) => [name, to]),
    );
}

/** The file's clusters, those that filters call among them. */
function withClusters(context: PatchContext, resources: Fields, plan: PatchPlan, routed: readonly string[]) {
  const path = ["static_resources", "clusters"];
  const clusters = listAt(context, resources.clusters, path);
  const names = clusters.map((cluster) => String(cluster.name));
  const wanted = [...new Set(plan.clusters ?? [...routed, ...plan.destinations.map(({ to }) => to)])];
  tellMissing(context, wanted, names, plan);
  const items: unknown[] = clusters.map((cluster, i) => {
    const name = names[i] ?? "";
    if (!wanted.includes(name)) return cluster;
    return withChain(context, cluster, [...path, i], { ...plan, attempts: plan.attempts(name) });
  });
  const fresh = plan.called.filter(({ name }) => !names.includes(name));
  for (const name of plan.calls) {
    if (names.includes(name) || fresh.some((each) => each.name === name)) continue;
    refuse(
      context,
      path,
      `have no "${name}", which a filter calls: say where it is by --grpc-service or --http-service ${name}=URL`,
    );
  }
  if (items.length + fresh.length === 0) return {};
  if (resources.clusters === undefined) return { clusters: fresh };
  return { clusters: context.origins.items(clusters, [...items, ...fresh] as Fields[]) };
}

function tellMissing(
  context: PatchContext,
  wanted: readonly string[],
  names: readonly string[],
  plan: PatchPlan,
): void {
  for (const name of wanted.filter((each) => !names.includes(each))) {
    const attempts = plan.attempts(name);
    if (attempts.length === 0) continue;
    const what = attempts.map((filter) => filter.name).join(", ");
    if (plan.clusters !== undefined) {
      refuse(
        context,
        ["static_resources", "clusters"],
        `have no "${name}" of --cluster; there is ${listed(names)}`,
      );
    }
    context.warn(`the cluster "${name}" is not in ${context.file}: ${what} does not see its attempts`);
  }
}

function withStatsTags(context: PatchContext, file: Fields, tags: readonly StatsTag[]): Fields {
  const { origins } = context;
  const config = fieldsAt(context, file.stats_config, ["stats_config"]);
  const existing = listAt(context, config?.stats_tags, ["stats_config", "stats_tags"]);
  const missing = tags.filter((tag) => !existing.some((each) => isDeepStrictEqual(each, tag)));
  if (missing.length === 0) return file;
  if (config === undefined) return origins.changed(file, { stats_config: { stats_tags: missing } });
  const list =
    config.stats_tags === undefined
      ? missing
      : origins.items(existing, [...existing, ...missing] as Fields[]);
  return origins.changed(file, { stats_config: origins.changed(config, { stats_tags: list }) });
}
