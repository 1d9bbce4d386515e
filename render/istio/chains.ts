// The filters of a mesh as resources: plugins of listeners' chains, and EnvoyFilters for clusters'.

import type { OnPaths } from "../../compose/filter-paths.js";
import { type FilterUse, isSameEntry } from "../../compose/filter-use.js";
import type { MeshEnvoy } from "../../compose/mesh/topology.js";
import { isNative } from "../../compose/native-filters.js";
import type { Json } from "../../envoy/config/json.js";
import type { FilterImage } from "../input.js";
import type { Draft, IstioContext } from "./context.js";
import { clusterScopes, spokenAt } from "./existing.js";
import { type Failure, type FetchedFilter, filterId } from "./extension.js";
import { clusterName, serviceHost } from "./hosts.js";
import { listenerChainResource } from "./listener-chain.js";
import { pluginResource } from "./plugin.js";
import { portOf } from "./ports.js";
import { gatewayRoutePatches, type RoutedFilter, sidecarRoutePatches } from "./route-patches.js";
import { type ClusterTarget, upstreamResource } from "./upstream.js";
import { portProtocol, versionPlaces } from "./versions.js";
import {
  isByRoute,
  isGateway,
  type PlacedPlugin,
  type PlacedUpstream,
  pluginsOf,
  type UpstreamChain,
  type UpstreamUse,
  upstreamsOf,
  workloads,
} from "./workloads.js";

/**
 * The filters of each workload's listeners: a WasmPlugin or TrafficExtension for each of them, or
 * an EnvoyFilter for all, where some are for some routes alone.
 */
export function listenerFilterDrafts(context: IstioContext): readonly Draft[] {
  return workloads(context.mesh).flatMap((envoy) => {
    const chain = chainDraftOf(context, envoy);
    return chain === undefined ? pluginDrafts(context, pluginsIn(context, envoy)) : [chain];
  });
}

function pluginsIn({ mesh, options }: IstioContext, envoy: MeshEnvoy): readonly PlacedPlugin[] {
  return pluginsOf(mesh, envoy, options).filter(({ use }) => !isNative(use));
}

function pluginDrafts(context: IstioContext, plugins: readonly PlacedPlugin[]): readonly Draft[] {
  const { options, labels, strategy } = context;
  return plugins.map((plugin) => ({
    kind: "plugin",
    parts: pluginParts(plugin, plugins),
    make: (name) =>
      pluginResource({ name, plugin, ...fetched(context, plugin.use), strategy, labels }, options),
  }));
}

/** An EnvoyFilter, and which of its filters stand before an app on some paths. */
export interface ChainDraft extends Draft {
  readonly beforeApp: readonly AppFilter[];
}

/** A filter before an app, which some of its paths have. */
export interface AppFilter extends OnPaths {
  /** Its name in Envoy. @param resource the name of the EnvoyFilter */
  readonly idOf: (resource: string) => string;
}

/** The EnvoyFilter of a workload's listeners; undefined where WasmPlugins do. */
export function chainDraftOf(context: IstioContext, envoy: MeshEnvoy): ChainDraft | undefined {
  const { options, labels } = context;
  const plugins = pluginsIn(context, envoy);
  const { workload } = plugins[0] ?? {};
  if (workload === undefined || !plugins.some(isByRoute)) return undefined;
  const { namespace } = workload;
  return {
    kind: "EnvoyFilter",
    parts: [...(isGateway(workload) ? [""] : []), workload.name, "filters"],
    beforeApp: plugins.flatMap(({ use, matches }, i) =>
      matches.some(({ mode }) => mode === "SERVER") ? appFilter(use, i, namespace) : [],
    ),
    make: (name) =>
      listenerChainResource({
        metadata: { name, namespace, labels },
        filters: plugins.map((plugin) => ({ plugin, ...fetched(context, plugin.use) })),
        phase: options.phase,
        failure: failureOf(context),
        routes: (idOf) => pluginRoutes(context, envoy, plugins, idOf),
      }),
  };
}

function appFilter(use: FilterUse, index: number, namespace: string): readonly AppFilter[] {
  if (use.paths === undefined) return [];
  return [{ paths: use.paths, idOf: (name) => filterId({ name, namespace }, index, use.filter) }];
}

function pluginRoutes(
  context: IstioContext,
  { app, hops }: MeshEnvoy,
  plugins: readonly PlacedPlugin[],
  idOf: (index: number) => string,
): readonly Json[] {
  const called = hops.flatMap(({ target }) => (target.kind === "service" ? [target.service] : []));
  const portsOf = ({ matches }: PlacedPlugin) =>
    matches.flatMap(({ mode, ports }) => (mode === "CLIENT" ? ports : []));
  const isAt = (plugin: PlacedPlugin, service: string) =>
    portsOf(plugin).includes(portOf(context.options.ports, service).port);
  const servicesOf = (plugin: PlacedPlugin) => {
    if (plugin.isShared) return [plugin.service ?? ""];
    return app === undefined ? undefined : called.filter((service) => isAt(plugin, service));
  };
  const filters = plugins.flatMap((plugin, i): RoutedFilter[] =>
    isByRoute(plugin) ? [{ id: idOf(i), use: plugin.use, services: servicesOf(plugin) }] : [],
  );
  return app === undefined
    ? gatewayRoutePatches(context, filters)
    : called.flatMap((service) => sidecarRoutePatches(context, filters, service));
}

function failureOf({ strategy, options }: IstioContext): Failure {
  return { strategy, minor: options.minor };
}

/** A filter, and what every resource for it needs. */
function fetched(context: IstioContext, use: FilterUse): FetchedFilter {
  return {
    use,
    config: configOf(context, use),
    image: imageOf(context, use),
    place: context.placeOf(use),
  };
}

/** The same filter twice in a chain has a number. */
function pluginParts(plugin: PlacedPlugin, all: readonly PlacedPlugin[]): string[] {
  const { workload, service, use } = plugin;
  const twins = all.filter((each) => each.use.filter === use.filter && each.service === service);
  const number = twins.indexOf(plugin) + 1;
  return [
    ...(isGateway(workload) ? [""] : []),
    workload.name,
    ...(service === undefined ? [] : [service]),
    use.filter,
    ...(number > 1 ? [String(number)] : []),
  ];
}

function imageOf({ images }: IstioContext, { filter }: FilterUse): FilterImage {
  const image = images.get(filter);
  if (image === undefined) throw new Error(`no image was found for ${filter}`);
  return image;
}

/** The settings with Istio's names for the clusters that the filter calls. */
export function configOf({ called }: Pick<IstioContext, "called">, { descriptor, config }: FilterUse): Json {
  const places = [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])];
  return places.reduce<Json>((changed, { name, path }) => {
    const place = called.get(name);
    return place === undefined ? changed : withValue(changed, path, clusterName(place));
  }, config);
}

function withValue(value: Json, [key, ...rest]: readonly PropertyKey[], leaf: string): Json {
  if (key === undefined) return leaf;
  if (Array.isArray(value)) {
    return value.map((item, i) => (i === Number(key) ? withValue(item, rest, leaf) : item));
  }
  const entries = Object.entries((value ?? {}) as Readonly<Record<string, Json>>);
  return Object.fromEntries(
    entries.map(([name, below]) => [name, name === String(key) ? withValue(below, rest, leaf) : below]),
  );
}

/** An EnvoyFilter for the clusters of each called service, and one for the gateway. */
export function upstreamDrafts(context: IstioContext): readonly Draft[] {
  return upstreamsOf(context.mesh, context.options).map((placed) => upstreamDraft(context, placed));
}

/** The EnvoyFilter of the cluster to an app; undefined where it has none. */
export function upstreamDraftOf(context: IstioContext, service: string): ChainDraft | undefined {
  const placed = upstreamsOf(context.mesh, context.options).find(
    ({ context: where, workload }) => where === "SIDECAR_INBOUND" && workload.name === service,
  );
  return placed && upstreamDraft(context, placed);
}

function upstreamDraft(context: IstioContext, placed: PlacedUpstream): ChainDraft {
  const { labels } = context;
  const { namespace } = placed.workload;
  const filters = distinctFilters(placed);
  const indexOf = ({ use, hop }: UpstreamUse) =>
    filters.findIndex((each) => each.hop === hop && isSameEntry(each.use, use));
  return {
    kind: "EnvoyFilter",
    parts: upstreamName(placed),
    beforeApp:
      placed.context === "SIDECAR_INBOUND"
        ? filters.flatMap(({ use }, i) => appFilter(use, i, namespace))
        : [],
    make: (name) =>
      upstreamResource({
        metadata: { name, namespace, labels },
        placed,
        filters: filters.map(({ use }) => fetched(context, use)),
        clusters: placed.chains.flatMap((chain) =>
          clustersOf(context, placed, chain, chain.uses.map(indexOf)),
        ),
        failure: failureOf(context),
        routes: (idOf) => upstreamRoutes(context, placed, filters, idOf),
      }),
  };
}

/** The same entry of the file in the same listener is one filter, whichever clusters it sees. */
function distinctFilters({ chains }: PlacedUpstream): readonly UpstreamUse[] {
  const all = chains.flatMap(({ uses }) => uses);
  const isSame = (one: UpstreamUse, other: UpstreamUse) =>
    one.hop === other.hop && isSameEntry(one.use, other.use);
  return all.filter((each, i) => all.findIndex((other) => isSame(other, each)) === i);
}

function upstreamRoutes(
  context: IstioContext,
  { context: where, chains }: PlacedUpstream,
  all: readonly UpstreamUse[],
  idOf: (index: number) => string,
): readonly Json[] {
  const isIn = (chain: UpstreamChain, { use, hop }: UpstreamUse) =>
    chain.uses.some((each) => each.hop === hop && isSameEntry(each.use, use));
  const filters = all.flatMap((each, i): RoutedFilter[] => {
    if (each.use.paths === undefined) return [];
    const services = chains.filter((chain) => isIn(chain, each)).map(({ service }) => service);
    return [{ id: idOf(i), use: each.use, services }];
  });
  if (filters.length === 0 || where === "SIDECAR_INBOUND") return [];
  return where === "GATEWAY"
    ? gatewayRoutePatches(context, filters)
    : chains.flatMap(({ service }) => sidecarRoutePatches(context, filters, service));
}

function upstreamName({ context, chains }: PlacedUpstream): readonly string[] {
  if (context === "GATEWAY") return ["", "gateway", "attempts"];
  const service = chains[0]?.service ?? "";
  return context === "SIDECAR_INBOUND" ? [service, "app", "attempts"] : [service, "attempts"];
}

/** The clusters of a service: its own of all versions, and those of versions elsewhere. */
function clustersOf(
  context: IstioContext,
  { context: where }: PlacedUpstream,
  { service }: UpstreamChain,
  chain: readonly number[],
): readonly ClusterTarget[] {
  const { mesh, options, existing } = context;
  const spoken = portProtocol(mesh.services[service]) === "http" ? "http1" : "http2";
  const { port, target } = portOf(options.ports, service);
  if (where === "SIDECAR_INBOUND") {
    const scopes = [{ common: {}, upstream: {} }];
    return [{ match: { portNumber: target }, protocol: spoken, scopes, chain }];
  }
  const host = serviceHost(service, options);
  const elsewhere = versionPlaces(context, service).flatMap((each) => each.elsewhere ?? []);
  const protocol = spokenAt(service, options.namespace, port, existing) ?? spoken;
  const scopes = clusterScopes(host, options.namespace, existing);
  return [
    { match: { service: host }, protocol, scopes, chain },
    ...elsewhere.map((place) => ({
      match: { service: place.host },
      protocol: place.external?.protocol ?? spoken,
      scopes: clusterScopes(place.host, options.namespace, existing),
      chain,
    })),
  ];
}
