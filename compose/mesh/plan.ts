// Plans everything that a mesh starts: the Envoys' configurations, the filters' files, the
// services' commands. Pure.

import { bootstrap } from "../../envoy/config/bootstrap.js";
import { grpcStatsFilter, type HttpFilter } from "../../envoy/config/http-filter.js";
import { type HttpListenerOptions, httpListener, type Listener } from "../../envoy/config/listener.js";
import { type ClusterRoute, destinationRoutes, prefixRoute, virtualHost } from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { tcpListener } from "../../envoy/config/tcp-listener.js";
import { metricLabels } from "../../filters/catalog.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { byChain, chainOf } from "../chains.js";
import { destinationHeader, mirrorsOf } from "../destinations.js";
import { configsAt, entryOnPaths, type NamedEntry, pathParts, runsAt } from "../filter-paths.js";
import type { FilterUse } from "../filter-use.js";
import { edgeListenerOptions, LOOPBACK, listenerOptions, reachableAt } from "../listener-options.js";
import { fixedNatives, isNative, nativeEntry, nativeOf, perRouteConfigs } from "../native-filters.js";
import {
  type EnvoyPlan,
  type FilterPlan,
  filterReference,
  planFilter,
  planNative,
} from "../planned-envoy.js";
import { routersOwnHeaders } from "../retry-marks.js";
import { DEFAULT_ROUTE, routeAction } from "../route-options.js";
import { hostRewrites, upgradeClusters } from "../upstream-cluster.js";
import { type UpstreamAddress, upstreamUrl } from "../upstream-url.js";
import { hasPathRules } from "./access-filter.js";
import { connectionLog, requestLog } from "./access-logs.js";
import {
  appAddress,
  type Context,
  EGRESS_PORT,
  type MeshPlanOptions,
  port,
  servicesOf,
} from "./addresses.js";
import { clusterOfAttempts, envoyClusters, type HopFilters } from "./clusters.js";
import { allInstances } from "./instances.js";
import { APP_CLUSTER, filterName, outboundName, versionName } from "./names.js";
import { planService, type ServicePlan } from "./plan-service.js";
import { EGRESS, type EgressPlan, planEgress } from "./policy/egress.js";
import { callerRoute, healthFilters } from "./policy/routes.js";
import { isTcp, speaksHttp2 } from "./protocols.js";
import type { Mesh, MeshService } from "./shape.js";
import { inboundKinds, publicKinds } from "./tls.js";
import { attemptHops, type Hop, type MeshEnvoy, meshEnvoys, type ServiceTarget } from "./topology.js";

export interface MeshPlan {
  readonly gatewayUrl: string;
  /** The services that filters call over gRPC, by name. */
  readonly grpcServices: Readonly<Record<string, UpstreamAddress>>;
  /** The services that filters call over HTTP, by name. */
  readonly httpServices: Readonly<Record<string, UpstreamAddress>>;
  /** The gateway first. */
  readonly envoys: readonly EnvoyPlan[];
  readonly services: readonly ServicePlan[];
}

/** A filter and the Envoy in which it stands. */
export interface PlacedFilter {
  readonly envoy: string;
  readonly filter: FilterPlan;
}

/**
 * Every filter of the mesh. This needs no ports, so the filters of a changed mesh can be planned
 * while the old mesh runs.
 */
export function planFilters(mesh: Mesh, options: MeshPlanOptions): readonly PlacedFilter[] {
  const context: Context = { ...options, mesh, fixed: fixedInMesh(mesh, options.places === undefined) };
  return meshEnvoys(mesh).flatMap((envoy) =>
    distinct(envoy.hops.flatMap((hop) => hopFilters(context, envoy, hop))).map((filter) => ({
      envoy: envoy.name,
      filter,
    })),
  );
}

/** A filter of Envoy's own may stand at several hops of an Envoy, which then share its settings. */
function distinct(filters: readonly FilterPlan[]): readonly FilterPlan[] {
  return [...new Map(filters.map((filter) => [filter.name, filter])).values()];
}

/** Plans everything that must be started. The same mesh and options give the same plan. */
export function planMesh(mesh: Mesh, options: MeshPlanOptions): MeshPlan {
  const context: Context = { ...options, mesh, fixed: fixedInMesh(mesh, options.places === undefined) };
  return {
    gatewayUrl: upstreamUrl({
      address: reachableAt(mesh.gateway.address ?? LOOPBACK),
      port: port(context, "gateway public"),
      ...(mesh.gateway.tls === undefined ? {} : { tls: true as const }),
    }),
    grpcServices: servicesOf(mesh.grpcServices, context),
    httpServices: servicesOf(mesh.httpServices, context),
    envoys: meshEnvoys(mesh).map((envoy) => planEnvoy(context, envoy)),
    services: allInstances(mesh).map((app) => planService(context, app)),
  };
}

function planEnvoy(context: Context, envoy: MeshEnvoy): EnvoyPlan {
  const filters: HopFilters = new Map(envoy.hops.map((hop) => [hop, hopFilters(context, envoy, hop)]));
  const egress = envoy.app === undefined ? egressOf(context, envoy) : undefined;
  return {
    name: envoy.name,
    filters: distinct([...filters.values()].flat()),
    bootstrap: bootstrap({
      node: { id: envoy.name, cluster: context.mesh.name },
      adminPort: port(context, `${envoy.name} admin`),
      listeners: [
        ...envoy.hops.map((hop) => planListener(context, envoy, hop)),
        ...(egress === undefined ? [] : [egress.listener]),
      ],
      clusters: [
        ...envoyClusters(context, envoy, filters),
        ...(egress === undefined ? [] : [egress.cluster]),
      ],
      statsTags: statsTags(metricLabels(filtersOf(envoy))),
    }),
  };
}

function egressOf(context: Context, envoy: MeshEnvoy): EgressPlan | undefined {
  const { mesh, places } = context;
  if (mesh.egress === undefined) return undefined;
  return planEgress(mesh.egress, {
    address: places?.egress.listener ?? LOOPBACK,
    port: port(context, EGRESS_PORT),
    accessLog: requestLog(context, envoy, { name: EGRESS, filters: [] }),
  });
}

function filtersOf({ hops }: MeshEnvoy): readonly FilterDescriptor[] {
  return hops.flatMap(({ filters }) => filters.map(({ descriptor }) => descriptor));
}

function hopFilters(context: Context, envoy: MeshEnvoy, hop: Hop): FilterPlan[] {
  const cluster = clusterOfAttempts(context, envoy, hop);
  return hop.filters.flatMap((use, i) => {
    if (context.fixed.has(use)) return [];
    return planUse(context, { ...use, cluster }, filterName(hop.name, i, use.filter));
  });
}

function planUse(context: Context, use: FilterUse, name: string): FilterPlan {
  const { filter, descriptor, config, paths, cluster } = use;
  const planned = { filter, descriptor, config, paths, cluster };
  if (isNative(use)) return planNative(planned);
  return planFilter(planned, { name, module: context.modulePath(planned) });
}

/** The filters of a hop's listener, Envoy's own among them, in their order. */
function listenerChain(context: Context, hop: Hop): readonly HttpFilter[] {
  const reference = context.places?.entry ?? filterReference;
  const placed = hop.filters.map((use, i) => ({ use, name: filterName(hop.name, i, use.filter) }));
  return placed
    .filter(({ use }) => chainOf(use) === "downstream")
    .map(({ use, name }) =>
      context.fixed.has(use)
        ? entryOnPaths(nativeEntry(nativeOf(use)), use)
        : reference(planUse(context, use, name)),
    );
}

/** The filters of a hop with their names in Envoy. */
function named(hop: Hop): readonly (FilterUse & NamedEntry)[] {
  return hop.filters.map((use, i) => {
    if (!isNative(use)) return { ...use, name: filterName(hop.name, i, use.filter) };
    const { name, per_route_config: routeConfig } = nativeOf(use);
    return { ...use, name, routeConfig };
  });
}

/**
 * Envoy's own filters of the mesh whose settings its listeners have: see `fixedNatives`. Where no
 * discovery server gives any, all of them.
 */
export function fixedInMesh(mesh: Mesh, hasServer: boolean): ReadonlySet<FilterUse> {
  const fixed = meshEnvoys(mesh).map(({ hops }) => {
    const uses = hops.flatMap(({ filters }) => filters.filter(isNative));
    return hasServer ? fixedNatives(uses, (use) => nativeOf(use).name) : uses;
  });
  return new Set(fixed.flatMap((each) => [...each]));
}

function planListener(context: Context, envoy: MeshEnvoy, hop: Hop): Listener {
  const { gateway, services, listeners } = context.mesh;
  const { target } = hop;
  if (isTcp(calledService(context.mesh, envoy, hop))) return planTcpListener(context, envoy, hop);
  const countsGrpc = target.kind === "service" && speaksHttp2(services[target.service]);
  return httpListener({
    ...(target.kind === "routes" ? edgeListenerOptions(gateway, listeners) : listenerOptions(listeners)),
    name: hop.name,
    port: port(context, `${envoy.name} ${hop.name}`),
    ...(context.places === undefined ? {} : { address: context.places.listener(envoy.name, hop) }),
    ...(target.kind === "routes" ? { kinds: publicKinds(context) } : {}),
    ...(target.kind === "app" ? inboundOptions(context, envoy.app?.service ?? "") : {}),
    filters: [
      ...healthFilters(context.mesh, envoy, hop),
      ...listenerChain(context, hop),
      ...(countsGrpc ? [grpcStatsFilter()] : []),
    ],
    virtualHosts: [
      virtualHost({
        name: hop.name,
        routes: hopRoutes(context, envoy, hop),
        includeAttemptCount: true,
        removeResponseHeaders: routersOwnHeaders(attemptHops(envoy, hop).flatMap((each) => each.filters)),
        filterConfigs: perRouteConfigs(hop.filters.filter(isEverywhere).filter(isNative).map(nativeOf)),
      }),
    ],
    accessLog: requestLog(context, envoy, hop, attemptHops(envoy, hop)),
  });
}

/** The service that a hop leads to; none where it has routes to several. */
function calledService(mesh: Mesh, { app }: MeshEnvoy, { target }: Hop): MeshService | undefined {
  if (target.kind === "routes") return undefined;
  return mesh.services[target.kind === "service" ? target.service : (app?.service ?? "")];
}

function planTcpListener(context: Context, envoy: MeshEnvoy, hop: Hop): Listener {
  const { target } = hop;
  return tcpListener({
    name: hop.name,
    port: port(context, `${envoy.name} ${hop.name}`),
    ...(context.places === undefined ? {} : { address: context.places.listener(envoy.name, hop) }),
    ...(target.kind === "app" ? { kinds: inboundKinds(context, envoy.app?.service ?? "") } : {}),
    filters: [],
    cluster: target.kind === "service" ? versionChoice(context.mesh, target, "/").fallback : APP_CLUSTER,
    // Connections to a database may be silent for hours.
    idleTimeoutSeconds: 0,
    accessLog: connectionLog(context, envoy, hop),
  });
}

/** Where rules are about paths, one with escaped slashes, which has two meanings, is refused. */
function inboundOptions(context: Context, service: string): Partial<HttpListenerOptions> {
  const escapedSlashes = hasPathRules(context.mesh, service) ? { escapedSlashes: "reject" as const } : {};
  return { kinds: inboundKinds(context, service), ...escapedSlashes };
}

function isEverywhere({ paths }: FilterUse): boolean {
  return paths === undefined;
}

/**
 * A service's timeout holds at every hop on the way to it; otherwise the shortest timeout would
 * hold. Only the calling hop retries.
 */
function hopRoutes(context: Context, envoy: MeshEnvoy, hop: Hop): readonly ClusterRoute[] {
  const { mesh } = context;
  const { app } = envoy;
  const { target } = hop;
  const entries = routedEntries(envoy, hop);
  const timeoutOf = (service: string) => ({
    ...DEFAULT_ROUTE,
    ...routeAction({ timeout: mesh.services[service]?.timeout }),
  });
  if (target.kind === "app") {
    const upstreams = app === undefined ? {} : { [APP_CLUSTER]: appAddress(context, app) };
    return pathParts(entries).flatMap((prefix) =>
      destinationRoutes({
        prefix,
        destinations: {},
        fallback: APP_CLUSTER,
        hostRewrite: hostRewrites(upstreams),
        upgradeClusters: upgradeClusters(upstreams),
        filterConfigs: configsAt(entries, prefix),
        ...timeoutOf(app?.service ?? ""),
      }),
    );
  }
  if (target.kind === "routes") {
    return target.routes.flatMap(({ name, prefix: within, service, timeout }) =>
      pathParts(entries, within).map((prefix) => {
        const filterConfigs = configsAt(entries, prefix);
        const cluster = outboundName(service);
        return prefixRoute({
          name,
          prefix,
          cluster,
          filterConfigs,
          ...timeoutOf(service),
          ...routeAction({ timeout }),
        });
      }),
    );
  }
  const { service, choosers } = target;
  return pathParts([...entries, ...choosers]).flatMap((prefix) =>
    destinationRoutes({
      prefix,
      ...versionChoice(mesh, target, prefix),
      filterConfigs: configsAt(entries, prefix),
      ...DEFAULT_ROUTE,
      ...routeAction(mesh.services[service] ?? {}),
      ...callerRoute(mesh, service),
    }),
  );
}

/** The filters that see a hop's requests, or the attempts behind it, and depend on its routes. */
function routedEntries(envoy: MeshEnvoy, hop: Hop): readonly NamedEntry[] {
  const attempts = attemptHops(envoy, hop).flatMap((each) => byChain(named(each)).upstream);
  return [...byChain(named(hop)).downstream, ...attempts];
}

/**
 * The versions that a filter can choose on these paths. Where none chooses, only clients can send
 * the header, and it decides nothing.
 */
function versionChoice(mesh: Mesh, { service, choosers }: ServiceTarget, prefix: string) {
  const uses = choosers.filter((use) => runsAt(use, prefix));
  const header = destinationHeader(uses);
  const versions = Object.keys(mesh.services[service]?.versions ?? {});
  const fallback = mesh.services[service]?.default ?? versions[0] ?? "";
  const chosen = header === undefined ? [] : versions;
  return {
    ...(header === undefined ? {} : { header }),
    destinations: Object.fromEntries(chosen.map((version) => [version, versionName(service, version)])),
    mirrors: mirrorsOf(uses, (version) => versionName(service, version)),
    fallback: versionName(service, fallback),
  };
}
