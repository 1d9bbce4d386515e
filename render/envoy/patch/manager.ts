// The HTTP connection managers of an operator's listener: their chain, and the hosts in their
// routes.

import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import { ROUTER, withFilters } from "./chain.js";
import {
  type Fields,
  fieldsAt,
  listAt,
  type PatchContext,
  type Path,
  refuse,
  textAt,
  typeOf,
} from "./place.js";
import { type RoutePlan, withRoutes } from "./routes.js";

const MANAGER = ".filters.network.http_connection_manager.v3.HttpConnectionManager";

export interface ManagerPlan extends RoutePlan {
  /** The filters of the listener's chain. */
  readonly chain: readonly HttpFilter[];
  /** Whether a filter of a cluster's chain counts attempts. */
  readonly countsAttempts: boolean;
  /** Response headers that are for the router alone. */
  readonly routersHeaders: readonly string[];
}

/** Where a network filter stands, and whether it is an HTTP connection manager of API v3. */
export function isManager(context: PatchContext, filter: Fields, path: Path): boolean {
  const type = typeOf(filter.typed_config);
  const isOld = type.includes(".v2.") || (filter.config !== undefined && filter.typed_config === undefined);
  if (isOld)
    refuse(context, path, "is of Envoy's API v2, which no Envoy since 1.18 reads: translate it to v3 first");
  return type.endsWith(MANAGER);
}

export function withManager(context: PatchContext, filter: Fields, path: Path, plan: ManagerPlan): Fields {
  const { origins } = context;
  const at = [...path, "typed_config"];
  const manager = fieldsAt(context, filter.typed_config, at) ?? {};
  if (plan.chain.length > 0) tellPaths(context, manager, at);
  const chain = withFilters(context, manager.http_filters, [...at, "http_filters"], {
    ours: plan.chain,
    last: ROUTER,
  });
  const config = fieldsAt(context, manager.route_config, [...at, "route_config"]);
  if (config === undefined) tellElsewhere(context, at, plan);
  const routed =
    config === undefined ? {} : { route_config: withHosts(context, config, [...at, "route_config"], plan) };
  return origins.changed(filter, {
    typed_config: origins.changed(manager, { ...routed, http_filters: chain }),
  });
}

/** Envoy's own defaults let a client write one path in several ways. */
function tellPaths({ placeOf, warn }: PatchContext, manager: Fields, path: Path): void {
  const escaped = String(manager.path_with_escaped_slashes_action ?? "");
  const missing = [
    ...["normalize_path", "merge_slashes"]
      .filter((key) => manager[key] !== true)
      .map((key) => `${key}: true`),
    ...(/^(REJECT|UNESCAPE)_/.test(escaped)
      ? []
      : ["path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT"]),
  ];
  if (missing.length > 0)
    warn(
      `${placeOf(path)}: a client passes a rule for /a/b by another spelling, such as /a//b or /a%2Fb; set ${missing.join(", ")}`,
    );
}

/** Routes that come from a route discovery service, or by scope, are not in this file. */
function tellElsewhere(context: PatchContext, path: Path, plan: ManagerPlan): void {
  if (plan.entries.some(({ paths }) => paths !== undefined)) {
    refuse(
      context,
      path,
      "gets its routes from elsewhere, where they would have to enable the filters of some paths: use the filters without paths, or routes in this file",
    );
  }
  const { placeOf, warn } = context;
  const told = [
    ...(plan.choosers.length > 0
      ? [`routes by the header ${plan.choosers.map(({ header }) => header).join(", ")}`]
      : []),
    ...(plan.countsAttempts ? ["include_request_attempt_count: true"] : []),
    ...plan.routersHeaders.map((header) => `response_headers_to_remove: ["${header}"]`),
  ];
  if (told.length > 0)
    warn(`${placeOf(path)}: gets its routes from elsewhere; give their virtual hosts ${told.join(", ")}`);
}

function withHosts(context: PatchContext, config: Fields, path: Path, plan: ManagerPlan): Fields {
  if (config.virtual_hosts === undefined) return config;
  const at = [...path, "virtual_hosts"];
  const hosts = listAt(context, config.virtual_hosts, at);
  const items = hosts.map((host, i) => withHost(context, host, [...at, i], plan));
  return context.origins.changed(config, { virtual_hosts: context.origins.items(hosts, items) });
}

function withHost(context: PatchContext, host: Fields, path: Path, plan: ManagerPlan): Fields {
  const removed = host.response_headers_to_remove ?? [];
  if (!Array.isArray(removed)) refuse(context, [...path, "response_headers_to_remove"], "is not a list");
  const missing = plan.routersHeaders.filter((header) => !(removed as unknown[]).includes(header));
  if (plan.countsAttempts && host.include_request_attempt_count === false) {
    context.warn(
      `${context.placeOf([...path, "include_request_attempt_count"])}: is false; filters of a cluster's chain then take every attempt for the first`,
    );
  }
  const counts = plan.countsAttempts && host.include_request_attempt_count === undefined;
  return context.origins.changed(host, {
    ...(counts ? { include_request_attempt_count: true } : {}),
    ...(missing.length === 0
      ? {}
      : {
          response_headers_to_remove: context.origins.items(removed as unknown[], [
            ...(removed as unknown[]),
            ...missing,
          ]),
        }),
    ...(host.routes === undefined
      ? {}
      : { routes: withRoutes(context, host.routes, [...path, "routes"], plan) }),
  });
}

/** The clusters to which a manager's routes lead. */
export function routedClusters(context: PatchContext, filter: Fields, path: Path): readonly string[] {
  const at = [...path, "typed_config", "route_config"];
  const manager = fieldsAt(context, filter.typed_config, at.slice(0, -1));
  const config = fieldsAt(context, manager?.route_config, at);
  const hosts = listAt(context, config?.virtual_hosts, [...at, "virtual_hosts"]);
  return hosts.flatMap((host, i) => {
    const routes = [...at, "virtual_hosts", i, "routes"];
    return listAt(context, host.routes, routes).flatMap((route, j) => {
      const action = fieldsAt(context, route.route, [...routes, j, "route"]);
      const single = textAt(context, action?.cluster, [...routes, j, "route", "cluster"]);
      const weighted = fieldsAt(context, action?.weighted_clusters, [
        ...routes,
        j,
        "route",
        "weighted_clusters",
      ]);
      const several = listAt(context, weighted?.clusters, [
        ...routes,
        j,
        "route",
        "weighted_clusters",
        "clusters",
      ]);
      return [...(single === undefined ? [] : [single]), ...several.map((each) => String(each.name))];
    });
  });
}
