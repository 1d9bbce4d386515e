// One Envoy in front of services that already run: its configuration. Pure.

import path from "node:path";
import { type Bootstrap, bootstrap } from "../../envoy/config/bootstrap.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { httpListener } from "../../envoy/config/listener.js";
import { destinationRoutes, virtualHost } from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { destinationHeader, destinationPlaces } from "../destinations.js";
import { type EnvoyPlan, type FilterPlan, filterReference, planFilter } from "../planned-envoy.js";
import { hostRewrites, type Trust, upstreamCluster } from "../upstream-cluster.js";
import type { Upstreams } from "./arguments.js";

const NAME = "envoy";
const FALLBACK_CLUSTER = "upstream";

export interface FrontOptions extends Trust {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreams: Upstreams;
  /** What every upstream gets as its host. Default: one that speaks TLS its own, others what the client sent. */
  readonly hostRewrite?: string | undefined;
  /** In the order in which a request meets them. */
  readonly filters: readonly { readonly filter: string; readonly config: Json }[];
  /** From a filter's name to its module's file. */
  readonly modulePath: (filter: string) => string;
}

/** An Envoy whose filters come from watched files below `directory`, which is absolute. */
export function planFront(options: FrontOptions, directory: string): EnvoyPlan {
  const filters = options.filters.map((_, i) => planFrontFilter(options, i, directory));
  return { name: NAME, filters, bootstrap: frontBootstrap(options, filters.map(filterReference)) };
}

/** The filter at that place of the order; for a changed one, plan it again with the changed options. */
export function planFrontFilter(options: FrontOptions, index: number, directory: string): FilterPlan {
  const { filter = "", config = null } = options.filters[index] ?? {};
  return planFilter({
    name: filterName(index, filter),
    filter,
    config,
    module: options.modulePath(filter),
    directory: path.join(directory, "filters"),
  });
}

/** The same Envoy in one piece, for a person to read or to start: the filters' settings stand in place. */
export function frontConfiguration(options: FrontOptions): Bootstrap {
  const filters = options.filters.map(({ filter, config }, i) =>
    wasmFilter({ name: filterName(i, filter), module: options.modulePath(filter), configuration: config }),
  );
  return frontBootstrap(options, filters);
}

/** Destinations that the filters can choose and that have no upstream of their own; their requests go to the fallback. */
export function unservedDestinations(options: Pick<FrontOptions, "filters" | "upstreams">): string[] {
  const chosen = new Set(options.filters.flatMap(destinationPlaces).map(({ destination }) => destination));
  return [...chosen].filter((name) => !Object.hasOwn(options.upstreams.named, name));
}

function filterName(index: number, filter: string): string {
  return `${index + 1}-${filter}`;
}

function frontBootstrap(options: FrontOptions, filters: readonly HttpFilter[]): Bootstrap {
  const { named, fallback } = options.upstreams;
  const header = destinationHeader(options.filters);
  const destinations = header === undefined ? [] : Object.keys(named);
  const byCluster = {
    [FALLBACK_CLUSTER]: fallback,
    ...Object.fromEntries(destinations.map((name) => [clusterName(name), named[name] ?? fallback])),
  };
  const routes = destinationRoutes({
    ...(header === undefined ? {} : { header }),
    destinations: Object.fromEntries(destinations.map((name) => [name, clusterName(name)])),
    fallback: FALLBACK_CLUSTER,
    hostRewrite: options.hostRewrite ?? hostRewrites(byCluster),
  });
  return bootstrap({
    node: { id: NAME, cluster: "meshwright" },
    adminPort: options.adminPort,
    listeners: [
      httpListener({
        name: "public",
        port: options.port,
        filters,
        virtualHosts: [virtualHost({ name: "public", routes })],
        useRemoteAddress: true,
        preserveExternalRequestId: true,
      }),
    ],
    clusters: Object.entries(byCluster).map(([name, upstream]) => upstreamCluster(name, upstream, options)),
    statsTags: statsTags(),
  });
}

function clusterName(destination: string): string {
  return `${FALLBACK_CLUSTER}-${destination}`;
}
