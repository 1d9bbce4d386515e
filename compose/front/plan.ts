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
import type { FilterChain } from "../../filters/descriptor.js";
import { byChain } from "../chains.js";
import { destinationHeader, destinationPlaces } from "../destinations.js";
import type { FilterUse } from "../filter-use.js";
import { type EnvoyPlan, type FilterPlan, filterReference, planFilter } from "../planned-envoy.js";
import { routersOwnHeaders } from "../retry-marks.js";
import { grpcClusters, hostRewrites, type Trust, upstreamCluster } from "../upstream-cluster.js";
import type { UpstreamAddress } from "../upstream-url.js";
import type { Upstreams } from "./arguments.js";
import { FALLBACK_CLUSTER, upstreamName } from "./clusters.js";

const NAME = "envoy";

export interface FrontOptions extends Trust {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreams: Upstreams;
  /** Services that filters call, by the names of their clusters. Default: none. */
  readonly grpcServices?: Readonly<Record<string, UpstreamAddress>> | undefined;
  /** The time for an answer, and what is retried. Default: Envoy's. */
  readonly route?: RouteActionOptions | undefined;
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
  /** The file of each filter's module, by the filter's name. */
  readonly modulePath: (filter: string) => string;
}

/** Plans an Envoy whose filters can be changed while it runs. */
export function planFront(options: FrontOptions): EnvoyPlan {
  const filters = options.filters.map((_, i) => planFrontFilter(options, i));
  const { downstream, upstream } = byChain(filters);
  const chains = { downstream: downstream.map(filterReference), upstream: upstream.map(filterReference) };
  return { name: NAME, filters, bootstrap: frontBootstrap(options, chains) };
}

/**
 * The filter with this index. To change it, plan it again with the changed options. Throws where
 * there is none.
 */
export function planFrontFilter(options: FrontOptions, index: number): FilterPlan {
  const use = options.filters[index];
  if (use === undefined) throw new Error(`there is no filter ${index}`);
  return planFilter(use, {
    name: filterName(index, use.filter),
    module: options.modulePath(use.filter),
  });
}

/**
 * The same Envoy as one configuration, which contains the filters' settings, for a person to read
 * or to start.
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
 * Destinations that the filters can choose and that have no upstream. Their requests go to the
 * fallback.
 */
export function unservedDestinations(options: Pick<FrontOptions, "filters" | "upstreams">): string[] {
  const chosen = new Set(options.filters.flatMap(destinationPlaces).map(({ name }) => name));
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
    statsTags: statsTags(metricLabels(options.filters.map(({ descriptor }) => descriptor))),
  });
}

function frontHost(options: FrontOptions): VirtualHost {
  const header = destinationHeader(options.filters);
  const destinations = destinationsOf(options);
  const routes = destinationRoutes({
    ...(header === undefined ? {} : { header }),
    destinations: Object.fromEntries(destinations.map((name) => [name, upstreamName(name)])),
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

/** The named upstreams that a request can reach: none where no filter chooses. */
function destinationsOf({ filters, upstreams }: FrontOptions): readonly string[] {
  return destinationHeader(filters) === undefined ? [] : Object.keys(upstreams.named);
}

function upstreamsByCluster(options: FrontOptions): Readonly<Record<string, UpstreamAddress>> {
  const { named, fallback } = options.upstreams;
  return {
    [FALLBACK_CLUSTER]: fallback,
    ...Object.fromEntries(
      destinationsOf(options).map((name) => [upstreamName(name), named[name] ?? fallback]),
    ),
  };
}
