// The configuration of one Envoy in front of services that already run. Pure.

import { type Bootstrap, bootstrap } from "../../envoy/config/bootstrap.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { httpListener } from "../../envoy/config/listener.js";
import {
  destinationRoutes,
  type RouteActionOptions,
  type VirtualHost,
  virtualHost,
} from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { metricLabels } from "../../filters/catalog.js";
import { byChain, chainOf, inChainOf, onlyCluster, settingsOf } from "../chains.js";
import { destinationHeader, destinationPlaces, mirrorsOf } from "../destinations.js";
import { configsAt, entryOnPaths, pathParts, runsAt } from "../filter-paths.js";
import { type FilterUse, type ModulePath, sharedVm } from "../filter-use.js";
import { type EdgeSettings, edgeListenerOptions, type ListenerSettings } from "../listener-options.js";
import {
  fixedNatives,
  type NativeFilter,
  nativeEntry,
  nativeUse,
  perRouteConfigs,
} from "../native-filters.js";
import { outlierHeaders } from "../outlier-marks.js";
import {
  type EnvoyPlan,
  type FilterPlan,
  filterReference,
  planFilter,
  planNative,
} from "../planned-envoy.js";
import { routersOwnHeaders } from "../retry-marks.js";
import { DEFAULT_ROUTE } from "../route-options.js";
import {
  grpcClusters,
  hostRewrites,
  httpServiceClusters,
  type Trust,
  upgradeClusters,
  upstreamClusterNames,
  upstreamClusters,
} from "../upstream-cluster.js";
import type { UpstreamAddress } from "../upstream-url.js";
import type { NativeFile, Upstreams } from "./arguments.js";
import { FALLBACK_CLUSTER, upstreamName } from "./clusters.js";

const NAME = "envoy";

export interface FrontOptions extends Trust {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreams: Upstreams;
  /** Services that filters call over gRPC, by the names of their clusters. Default: none. */
  readonly grpcServices?: Readonly<Record<string, UpstreamAddress>> | undefined;
  /** Services that filters call over HTTP, by the names of their clusters. Default: none. */
  readonly httpServices?: Readonly<Record<string, UpstreamAddress>> | undefined;
  /** The time for an answer, and what is retried. Default: no limit, and nothing. */
  readonly route?: RouteActionOptions | undefined;
  readonly listener?: (ListenerSettings & EdgeSettings) | undefined;
  /**
   * The host that every upstream gets. Default: an upstream that speaks TLS gets its own, others
   * the client's.
   */
  readonly hostRewrite?: string | undefined;
  /**
   * In the order in which a request passes the listener's chain, and each attempt the cluster's
   * chain.
   */
  readonly filters: readonly FilterUse[];
  /** Envoy's own filters in the listener's chain. Default: none. */
  readonly natives?: readonly PlacedNative[] | undefined;
  readonly modulePath: ModulePath;
}

/** One of Envoy's own filters, and its place: before the filter with this index. */
export interface PlacedNative {
  readonly filter: NativeFilter;
  readonly before: number;
  /** The file that it comes from; a file may be given twice. */
  readonly from: NativeFile;
}

/** Those that only a restart changes. */
export function fixedInFront({ natives = [] }: Pick<FrontOptions, "natives">): ReadonlySet<PlacedNative> {
  return fixedNatives(natives, ({ filter }) => filter.name);
}

/** Plans an Envoy whose filters can be changed while it runs. */
export function planFront(options: FrontOptions): EnvoyPlan {
  const filters = options.filters.map((_, i) => planFrontFilter(options, i));
  const fixed = fixedInFront(options);
  const natives = (options.natives ?? []).filter((native) => !fixed.has(native)).map(planFrontNative);
  const nativeOf = (native: PlacedNative) =>
    fixed.has(native) ? nativeEntry(native.filter) : filterReference(planFrontNative(native));
  return {
    name: NAME,
    filters: [...filters, ...natives],
    bootstrap: frontBootstrap(options, filters, filterReference, nativeOf),
  };
}

/** One of Envoy's own filters, where `fixedInFront` does not have it. */
export function planFrontNative({ filter }: PlacedNative): FilterPlan {
  return planNative(nativeUse(filter));
}

/**
 * The filter with this index. To change it, plan it again with the changed options. Throws where
 * there is none.
 */
export function planFrontFilter(options: FrontOptions, index: number): FilterPlan {
  const use = namedFilters(options)[index];
  if (use === undefined) throw new Error(`there is no filter ${index}`);
  return planFilter(use, { name: use.name, module: options.modulePath(use) });
}

/**
 * The same Envoy as one configuration, which contains the filters' settings, for a person to read
 * or to start.
 */
export function frontConfiguration(
  options: FrontOptions,
  entry: (use: NamedUse) => HttpFilter = inPlace(options.modulePath),
): Bootstrap {
  return frontBootstrap(
    options,
    namedFilters(options),
    (use) => entryOnPaths(entry(use), use),
    ({ filter }) => nativeEntry(filter),
  );
}

/** A filter with its name in Envoy. */
export interface NamedUse extends FilterUse {
  readonly name: string;
}

/** The entry of a chain that has the filter's settings in it. */
export function inPlace(modulePath: ModulePath): (use: NamedUse) => HttpFilter {
  return (use) =>
    wasmFilter({
      name: use.name,
      module: modulePath(use),
      configuration: settingsOf(use),
      ...sharedVm(use),
    });
}

/** The filters with their names in Envoy, and for the upstream's cluster where there is but one. */
export function namedFilters(options: Pick<FrontOptions, "filters" | "upstreams">): readonly NamedUse[] {
  const upstreams = Object.entries(upstreamsByCluster(options));
  const cluster = onlyCluster(upstreams.flatMap(([name, upstream]) => upstreamClusterNames(name, upstream)));
  return options.filters.map((use, i) => ({ ...use, cluster, name: filterName(i, use.filter) }));
}

/**
 * Destinations that the filters can choose and that have no upstream. Their requests go to the
 * fallback.
 */
export function unservedDestinations(options: Pick<FrontOptions, "filters" | "upstreams">): string[] {
  const chosen = new Set(options.filters.flatMap(destinationPlaces).map(({ name }) => name));
  return [...chosen].filter((name) => !Object.hasOwn(options.upstreams.named, name));
}

/** Named upstreams to which nothing sends a request, because no filter chooses a destination. */
export function unchosenUpstreams(options: Pick<FrontOptions, "filters" | "upstreams">): string[] {
  return destinationHeader(options.filters) === undefined ? Object.keys(options.upstreams.named) : [];
}

function filterName(index: number, filter: string): string {
  return `${index + 1}-${filter}`;
}

/**
 * @param entry a filter as a chain names it
 * @param nativeOf one of Envoy's own as a chain names it
 */
function frontBootstrap<Use extends FilterUse>(
  options: FrontOptions,
  filters: readonly Use[],
  entry: (filter: Use) => HttpFilter,
  nativeOf: (native: PlacedNative) => HttpFilter,
): Bootstrap {
  const { grpcServices = {}, httpServices = {}, caFile } = options;
  const upstreams = Object.entries(upstreamsByCluster(options));
  const seen = byChain(filters).upstream;
  const chain = (cluster: string) => inChainOf(seen, cluster).map(entry);
  const attempts = { caFile, filters: chain, outlierHeaders: outlierHeaders(seen) };
  return bootstrap({
    node: { id: NAME, cluster: "meshwright" },
    adminPort: options.adminPort,
    listeners: [
      httpListener({
        name: "public",
        port: options.port,
        filters: listenerChain(options, filters, entry, nativeOf),
        virtualHosts: [frontHost(options)],
        ...edgeListenerOptions(options.listener, options.listener),
      }),
    ],
    clusters: [
      ...upstreams.flatMap(([name, upstream]) => upstreamClusters(name, upstream, attempts)),
      ...grpcClusters(grpcServices, { caFile }),
      ...httpServiceClusters(httpServices, { caFile }),
    ],
    statsTags: statsTags(metricLabels(options.filters.map(({ descriptor }) => descriptor))),
  });
}

function listenerChain<Use extends FilterUse>(
  { natives = [] }: FrontOptions,
  filters: readonly Use[],
  entry: (filter: Use) => HttpFilter,
  nativeOf: (native: PlacedNative) => HttpFilter,
): readonly HttpFilter[] {
  const before = (index: number) => natives.filter((native) => native.before === index).map(nativeOf);
  const chain = filters.flatMap((use, i) => [
    ...before(i),
    ...(chainOf(use) === "downstream" ? [entry(use)] : []),
  ]);
  return [...chain, ...before(filters.length)];
}

function frontHost(options: FrontOptions): VirtualHost {
  const upstreams = upstreamsByCluster(options);
  const filters = namedFilters(options);
  const routes = pathParts(filters).flatMap((prefix) =>
    destinationRoutes({
      prefix,
      ...choiceAt(options, prefix),
      fallback: FALLBACK_CLUSTER,
      upgradeClusters: upgradeClusters(upstreams),
      hostRewrite: options.hostRewrite ?? hostRewrites(upstreams),
      filterConfigs: configsAt(filters, prefix),
      ...DEFAULT_ROUTE,
      ...options.route,
    }),
  );
  return virtualHost({
    name: "public",
    routes,
    includeAttemptCount: true,
    removeResponseHeaders: routersOwnHeaders(options.filters),
    filterConfigs: perRouteConfigs((options.natives ?? []).map(({ filter }) => filter)),
  });
}

/** The named upstreams that a request of these paths can reach: none where no filter chooses. */
function choiceAt({ filters, upstreams }: FrontOptions, prefix: string) {
  const uses = filters.filter((use) => runsAt(use, prefix));
  const header = destinationHeader(uses);
  if (header === undefined) return { destinations: {} };
  const names = Object.keys(upstreams.named);
  return {
    header,
    destinations: Object.fromEntries(names.map((name) => [name, upstreamName(name)])),
    mirrors: mirrorsOf(uses, upstreamName),
  };
}

/** Those that no request can reach have clusters too, which filters may call. */
function upstreamsByCluster({
  upstreams,
}: Pick<FrontOptions, "upstreams">): Readonly<Record<string, UpstreamAddress>> {
  const { named, fallback } = upstreams;
  return {
    [FALLBACK_CLUSTER]: fallback,
    ...Object.fromEntries(Object.entries(named).map(([name, upstream]) => [upstreamName(name), upstream])),
  };
}
