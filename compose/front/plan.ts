// One Envoy in front of services that already run: its configuration. Pure.

import path from "node:path";
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
import type { FilterChain } from "../../filters/catalog.js";
import { byChain } from "../chains.js";
import { destinationHeader, destinationPlaces, type FilterUse } from "../destinations.js";
import { type EnvoyPlan, type FilterPlan, filterReference, planFilter } from "../planned-envoy.js";
import { routersOwnHeaders } from "../retry-marks.js";
import { grpcClusters, hostRewrites, type Trust, upstreamCluster } from "../upstream-cluster.js";
import type { UpstreamAddress } from "../upstream-url.js";
import type { Upstreams } from "./arguments.js";

const NAME = "envoy";
const FALLBACK_CLUSTER = "upstream";

/** Whether we call a cluster of our own so. */
export function isUpstreamName(cluster: string): boolean {
  return cluster === FALLBACK_CLUSTER || cluster.startsWith(`${FALLBACK_CLUSTER}-`);
}

export interface FrontOptions extends Trust {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreams: Upstreams;
  /** Services that filters call, by the names of their clusters. Default: none. */
  readonly grpcServices?: Readonly<Record<string, UpstreamAddress>> | undefined;
  /** The time for an answer, and what is tried again. Default: Envoy's. */
  readonly route?: RouteActionOptions | undefined;
  /**
   * What every upstream gets as its host. Default: one that speaks TLS its own, others what the
   * client sent.
   */
  readonly hostRewrite?: string | undefined;
  /**
   * In the order in which a request meets those of the listener's chain, and each attempt those of
   * the clusters'.
   */
  readonly filters: readonly FilterUse[];
  /** From a filter's name to its module's file. */
  readonly modulePath: (filter: string) => string;
}

/** An Envoy whose filters come from watched files below `directory`, which is absolute. */
export function planFront(options: FrontOptions, directory: string): EnvoyPlan {
  const filters = options.filters.map((_, i) => planFrontFilter(options, i, directory));
  const { downstream, upstream } = byChain(filters);
  const chains = { downstream: downstream.map(filterReference), upstream: upstream.map(filterReference) };
  return { name: NAME, filters, bootstrap: frontBootstrap(options, chains) };
}

/**
 * The filter at that place of the order; for a changed one, plan it again with the changed options.
 */
export function planFrontFilter(options: FrontOptions, index: number, directory: string): FilterPlan {
  const use = options.filters[index] ?? { filter: "", config: null };
  return planFilter(use, {
    name: filterName(index, use.filter),
    module: options.modulePath(use.filter),
    directory: path.join(directory, "filters"),
  });
}

/**
 * The same Envoy in one piece, for a person to read or to start: the filters' settings stand in
 * place.
 */
export function frontConfiguration(options: FrontOptions): Bootstrap {
  const named = options.filters.map((use, i) => ({ ...use, name: filterName(i, use.filter) }));
  const { downstream, upstream } = byChain(named);
  const inPlace = ({ name, filter, config }: (typeof named)[number]) =>
    wasmFilter({ name, module: options.modulePath(filter), configuration: config });
  return frontBootstrap(options, {
    downstream: downstream.map(inPlace),
    upstream: upstream.map(inPlace),
  });
}

/**
 * Destinations that the filters can choose and that have no upstream of their own; their requests
 * go to the fallback.
 */
export function unservedDestinations(options: Pick<FrontOptions, "filters" | "upstreams">): string[] {
  const chosen = new Set(options.filters.flatMap(destinationPlaces).map(({ destination }) => destination));
  return [...chosen].filter((name) => !Object.hasOwn(options.upstreams.named, name));
}

function filterName(index: number, filter: string): string {
  return `${index + 1}-${filter}`;
}

type Chains = Readonly<Record<FilterChain, readonly HttpFilter[]>>;

function frontBootstrap(options: FrontOptions, chains: Chains): Bootstrap {
  const { grpcServices = {}, caFile } = options;
  const upstreams = Object.entries(upstreamsByCluster(options));
  return bootstrap({
    node: { id: NAME, cluster: "meshwright" },
    adminPort: options.adminPort,
    listeners: [
      httpListener({
        name: "public",
        port: options.port,
        filters: chains.downstream,
        virtualHosts: [frontHost(options)],
        useRemoteAddress: true,
        preserveExternalRequestId: true,
      }),
    ],
    clusters: [
      ...upstreams.map(([name, upstream]) =>
        upstreamCluster(name, upstream, { caFile, filters: chains.upstream }),
      ),
      ...grpcClusters(grpcServices, { caFile }),
    ],
    statsTags: statsTags(),
  });
}

function frontHost(options: FrontOptions): VirtualHost {
  const header = destinationHeader(options.filters);
  const destinations = destinationsOf(options);
  const routes = destinationRoutes({
    ...(header === undefined ? {} : { header }),
    destinations: Object.fromEntries(destinations.map((name) => [name, clusterName(name)])),
    fallback: FALLBACK_CLUSTER,
    hostRewrite: options.hostRewrite ?? hostRewrites(upstreamsByCluster(options)),
    ...options.route,
  });
  return virtualHost({
    name: "public",
    routes,
    includeAttemptCount: true,
    removeResponseHeaders: routersOwnHeaders(options.filters),
  });
}

/** The named upstreams that a request can come to: none where no filter chooses. */
function destinationsOf({ filters, upstreams }: FrontOptions): readonly string[] {
  return destinationHeader(filters) === undefined ? [] : Object.keys(upstreams.named);
}

function upstreamsByCluster(options: FrontOptions): Readonly<Record<string, UpstreamAddress>> {
  const { named, fallback } = options.upstreams;
  return {
    [FALLBACK_CLUSTER]: fallback,
    ...Object.fromEntries(
      destinationsOf(options).map((name) => [clusterName(name), named[name] ?? fallback]),
    ),
  };
}

function clusterName(destination: string): string {
  return `${FALLBACK_CLUSTER}-${destination}`;
}
