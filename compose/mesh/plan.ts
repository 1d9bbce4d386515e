// From a mesh to everything that is to be started: the Envoys' configurations, the filters' files, the services' commands. Pure.

import path from "node:path";
import type { AccessLogOptions } from "../../envoy/config/access-log.js";
import { bootstrap } from "../../envoy/config/bootstrap.js";
import type { Cluster } from "../../envoy/config/cluster.js";
import { httpListener, type Listener } from "../../envoy/config/listener.js";
import {
  type ClusterRoute,
  DESTINATION_HEADER,
  destinationRoutes,
  virtualHost,
} from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { destinationHeader } from "../destinations.js";
import { type EnvoyPlan, type FilterPlan, filterReference, planFilter } from "../planned-envoy.js";
import { hostRewrites, type Trust, upstreamCluster } from "../upstream-cluster.js";
import { parseUpstreamUrl, type UpstreamAddress } from "../upstream-url.js";
import type { Mesh, MeshVersion } from "./schema.js";
import { type Hop, type MeshEnvoy, meshEnvoys, sidecarName } from "./topology.js";

const LOOPBACK = "127.0.0.1";
/** A sidecar's cluster for the app that it stands before. */
const APP_CLUSTER = "app";

/** One version of a service. */
export interface ServicePlan {
  readonly service: string;
  readonly version: string;
  /** `<service>-<version>`, which is also its sidecar's name. */
  readonly name: string;
  /** Where it takes requests. */
  readonly address: UpstreamAddress;
  /** Where it is to call others, `<SERVICE>_URL` by `<SERVICE>_URL`. */
  readonly calls: Readonly<Record<string, string>>;
  /** Absent where it already runs. */
  readonly start?: {
    readonly command: string;
    readonly args: readonly string[];
    /** Beside the variables of the process that starts it. */
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  };
}

export interface MeshPlan {
  readonly gatewayUrl: string;
  /** The gateway first. */
  readonly envoys: readonly EnvoyPlan[];
  readonly services: readonly ServicePlan[];
}

export interface MeshPlanOptions extends Trust {
  /** The run's folder, absolute: access logs go to `envoys/`, filters' files to `filters/`. */
  readonly directory: string;
  /** The mesh file's folder, absolute: commands run from there. */
  readonly home: string;
  /** A port for each name of `portNames`. */
  readonly ports: ReadonlyMap<string, number>;
  /** From a filter's name to its module's file. */
  readonly modulePath: (filter: string) => string;
}

interface Context extends MeshPlanOptions {
  readonly mesh: Mesh;
}

/** The ports that a mesh needs, by the names under which `planMesh` asks for them; the first is the gateway's public one. */
export function portNames(mesh: Mesh): readonly string[] {
  return meshEnvoys(mesh).flatMap((envoy) => [
    ...envoy.hops.map((hop) => `${envoy.name} ${hop.name}`),
    `${envoy.name} admin`,
    ...(envoy.app === undefined ? [] : [`${envoy.name} app`]),
  ]);
}

/** A filter and the Envoy that it is in. */
export interface PlacedFilter {
  readonly envoy: string;
  readonly filter: FilterPlan;
}

/** Every filter of the mesh. No port is asked for, so that the filters of a changed mesh can be planned while an older one runs. */
export function planFilters(mesh: Mesh, options: MeshPlanOptions): readonly PlacedFilter[] {
  const context: Context = { ...options, mesh };
  return meshEnvoys(mesh).flatMap((envoy) =>
    envoy.hops.flatMap((hop) =>
      hopFilters(context, envoy, hop).map((filter) => ({ envoy: envoy.name, filter })),
    ),
  );
}

/** Everything that is to be started. The same mesh and options give the same plan. */
export function planMesh(mesh: Mesh, options: MeshPlanOptions): MeshPlan {
  const context: Context = { ...options, mesh };
  return {
    gatewayUrl: `http://${LOOPBACK}:${port(context, "gateway public")}`,
    envoys: meshEnvoys(mesh).map((envoy) => planEnvoy(context, envoy)),
    services: Object.entries(mesh.services).flatMap(([service, { versions }]) =>
      Object.entries(versions).map(([version, how]) => planService(context, service, version, how)),
    ),
  };
}

function planEnvoy(context: Context, envoy: MeshEnvoy): EnvoyPlan {
  const filters = new Map(envoy.hops.map((hop) => [hop, hopFilters(context, envoy, hop)]));
  return {
    name: envoy.name,
    filters: [...filters.values()].flat(),
    bootstrap: bootstrap({
      node: { id: envoy.name, cluster: context.mesh.name },
      adminPort: port(context, `${envoy.name} admin`),
      listeners: envoy.hops.map((hop) => planListener(context, envoy, hop, filters.get(hop) ?? [])),
      clusters: envoyClusters(context, envoy),
      statsTags: statsTags(),
    }),
  };
}

function hopFilters(context: Context, envoy: MeshEnvoy, hop: Hop): FilterPlan[] {
  return hop.filters.map(({ filter, config }, i) =>
    planFilter({
      name: `${hop.name}-${i + 1}-${filter}`,
      filter,
      config,
      module: context.modulePath(filter),
      directory: path.join(context.directory, "filters", envoy.name),
    }),
  );
}

function planListener(
  context: Context,
  envoy: MeshEnvoy,
  hop: Hop,
  filters: readonly FilterPlan[],
): Listener {
  const edge = hop.target.kind === "routes";
  return httpListener({
    name: hop.name,
    port: port(context, `${envoy.name} ${hop.name}`),
    filters: filters.map(filterReference),
    virtualHosts: [virtualHost({ name: hop.name, routes: hopRoutes(context, envoy, hop) })],
    accessLog: accessLog(context, envoy, hop),
    // Behind the gateway the client's address is the one that the gateway wrote down.
    ...(edge ? { useRemoteAddress: true, preserveExternalRequestId: true } : {}),
  });
}

function hopRoutes(context: Context, { app }: MeshEnvoy, { target }: Hop): readonly ClusterRoute[] {
  const { mesh } = context;
  if (target.kind === "app") {
    const hostRewrite = app === undefined ? {} : hostRewrites({ [APP_CLUSTER]: appAddress(context, app) });
    return destinationRoutes({ destinations: {}, fallback: APP_CLUSTER, hostRewrite });
  }
  if (target.kind === "routes") {
    return target.routes.map(({ prefix, service }) => ({
      name: service,
      match: { prefix },
      route: { cluster: `outbound-${service}` },
    }));
  }
  const { service, header } = target;
  const versions = Object.keys(mesh.services[service]?.versions ?? {});
  const fallback = mesh.services[service]?.default ?? versions[0] ?? "";
  // Without a filter that chooses, the header is nobody's but the client's, and decides nothing.
  const chosen = header === undefined ? [] : versions;
  return destinationRoutes({
    ...(header === undefined ? {} : { header }),
    destinations: Object.fromEntries(chosen.map((version) => [version, sidecarName(service, version)])),
    fallback: sidecarName(service, fallback),
  });
}

function envoyClusters(context: Context, envoy: MeshEnvoy): Cluster[] {
  const clusters = new Map<string, UpstreamAddress>();
  for (const { name, target } of envoy.hops) {
    if (target.kind === "app" && envoy.app !== undefined)
      clusters.set(APP_CLUSTER, appAddress(context, envoy.app));
    if (target.kind !== "service") continue;
    if (envoy.app === undefined) clusters.set(name, local(port(context, `${envoy.name} ${name}`)));
    for (const version of Object.keys(context.mesh.services[target.service]?.versions ?? {})) {
      const sidecar = sidecarName(target.service, version);
      clusters.set(sidecar, local(port(context, `${sidecar} inbound`)));
    }
  }
  return [...clusters].map(([name, upstream]) => upstreamCluster(name, upstream, context));
}

function planService(context: Context, service: string, version: string, how: MeshVersion): ServicePlan {
  const name = sidecarName(service, version);
  const called = context.mesh.services[service]?.calls ?? [];
  const calls = Object.fromEntries(
    called.map((each) => [urlVariable(each), outboundUrl(context, name, each)]),
  );
  const plan = { service, version, name, address: appAddress(context, { service, version }), calls };
  if ("url" in how) return plan;
  const [command = "", ...args] =
    typeof how.command === "string" ? ["/bin/sh", "-c", how.command] : how.command;
  return {
    ...plan,
    start: {
      command,
      args,
      cwd: path.resolve(context.home, how.cwd ?? "."),
      env: {
        ...Object.fromEntries(Object.entries(how.env ?? {}).map(([key, value]) => [key, String(value)])),
        PORT: String(plan.address.port),
        SERVICE_NAME: service,
        SERVICE_VERSION: version,
        ...calls,
      },
    },
  };
}

function appAddress(context: Context, app: { service: string; version: string }): UpstreamAddress {
  const how = context.mesh.services[app.service]?.versions[app.version];
  const parsed = how !== undefined && "url" in how ? parseUpstreamUrl(how.url) : undefined;
  if (parsed?.ok) return parsed.value;
  return local(port(context, `${sidecarName(app.service, app.version)} app`));
}

/** The variable that tells an app where to call a service: `PAYMENTS_URL`, `GIFT_CARDS_URL`. */
function urlVariable(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_URL`;
}

function outboundUrl(context: Context, sidecar: string, service: string): string {
  return `http://${LOOPBACK}:${port(context, `${sidecar} outbound-${service}`)}`;
}

/** As the request is sent on, after the filters, so that the spans of one trace can be followed from hop to hop. */
function accessLog(context: Context, envoy: MeshEnvoy, hop: Hop): AccessLogOptions {
  const header = destinationHeader(hop.filters) ?? DESTINATION_HEADER;
  const headers = ["x-request-id", "traceparent", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid"];
  return {
    path: path.join(context.directory, "envoys", `${envoy.name}.access.log`),
    fields: {
      time: "%START_TIME%",
      hop: `${envoy.name}/${hop.name}`,
      method: "%REQ(:METHOD)%",
      path: "%REQ(:PATH)%",
      status: "%RESPONSE_CODE%",
      cluster: "%UPSTREAM_CLUSTER%",
      ...Object.fromEntries([...headers, header].map((name) => [name, `%REQ(${name.toUpperCase()})%`])),
    },
  };
}

function local(port: number): UpstreamAddress {
  return { address: LOOPBACK, port };
}

function port(context: Context, name: string): number {
  const found = context.ports.get(name);
  if (found === undefined) throw new Error(`no port was given for "${name}"`);
  return found;
}
