// VirtualServices: which version gets a request, for how long, and what is retried.

import { destinationHeader, mirrorsOf } from "../../compose/destinations.js";
import { pathParts, runsAt } from "../../compose/filter-paths.js";
import { attemptHops, type Hop, type MeshEnvoy, type ServiceTarget } from "../../compose/mesh/topology.js";
import { routersOwnHeaders } from "../../compose/retry-marks.js";
import type { Json } from "../../envoy/config/json.js";
import { MIRROR_HEADER } from "../../envoy/config/route.js";
import { millisecondsOf } from "../../filters/shared/rule-schema.js";
import type { Draft, IstioContext } from "./context.js";
import { serviceHost } from "./hosts.js";
import type { HttpRoute, PartRoute } from "./part-route.js";
import { copiesTo, mirrorOf, retryWords } from "./policy.js";
import { defaultVersion, destinationOf, versionPlaces } from "./versions.js";
import { workloads } from "./workloads.js";

const API_VERSION = "networking.istio.io/v1";

/** The routes of every service that sidecars call, each once. */
export function routeDrafts(context: IstioContext): readonly Draft[] {
  const sidecars = workloads(context.mesh).filter(({ app }) => app !== undefined);
  const seen = new Set<string>();
  return sidecars.flatMap((envoy) =>
    envoy.hops.flatMap((hop) => {
      if (hop.target.kind !== "service" || seen.has(hop.target.service)) return [];
      seen.add(hop.target.service);
      return [serviceDraft(context, envoy, hop, hop.target)];
    }),
  );
}

function serviceDraft(context: IstioContext, envoy: MeshEnvoy, hop: Hop, target: ServiceTarget): Draft {
  const { options, labels } = context;
  const { service } = target;
  const host = serviceHost(service, options);
  const http = partRoutes(context, envoy, hop, target, "mesh").map(({ route }) => route);
  return {
    kind: "VirtualService",
    parts: [service],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "VirtualService",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { hosts: [host], http } },
      comment: [routesComment(service, destinationHeader(target.choosers))],
      notes: noRetriesNote(context, service),
    }),
  };
}

function routesComment(service: string, header: string | undefined): string {
  if (header === undefined) return `Calls of ${service}.`;
  return `Calls of ${service}: the filter before this writes ${header}, and removes a client's own.`;
}

/** Istio retries twice where nothing is said, which surprises who has not asked for it. */
function noRetriesNote({ mesh, ownsRoutes }: IstioContext, service: string) {
  if (!ownsRoutes || mesh.services[service]?.retries !== undefined) return [];
  const text = "Without this, Istio retries twice. The mesh file asks for no retries.";
  return [{ path: ["spec", "http", 0, "retries"], text }];
}

/** The gateway's routes, in the order of the file. */
export function gatewayRoutesDraft(context: IstioContext, gateway: string): Draft {
  const { options, labels } = context;
  return {
    kind: "VirtualService",
    parts: ["", "gateway"],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "VirtualService",
      metadata: { name, namespace: options.namespace, labels },
      body: {
        spec: {
          hosts: [...options.gateway.hosts],
          gateways: [gateway],
          http: gatewayRoutes(context).map(({ route }) => route),
        },
      },
      comment: ["Requests from outside. The first route that matches decides."],
    }),
  };
}

/** Every route of the gateway, in its order. */
export function gatewayRoutes(context: IstioContext): readonly PartRoute[] {
  const { mesh, ownRoutes } = context;
  if (ownRoutes !== undefined) return ownRoutes;
  const envoy = workloads(mesh)[0] as MeshEnvoy;
  const hopOf = (service: string) =>
    envoy.hops.find(({ target }) => target.kind === "service" && target.service === service);
  return mesh.gateway.routes.flatMap(({ prefix, service, timeout }, i) => {
    const hop = hopOf(service);
    if (hop?.target.kind !== "service") return [];
    const earlier = mesh.gateway.routes.slice(0, i);
    const isTaken = (part: string) => earlier.some((route) => part.startsWith(route.prefix));
    const routes = partRoutes(context, envoy, hop, hop.target, "gateway", prefix);
    return routes
      .filter(({ part }) => part === prefix || !isTaken(part))
      .map((each) => ({ ...each, route: withTimeout(each.route, timeout) }));
  });
}

/** A route of the gateway may have a time of its own; 0s is no limit. */
function withTimeout(route: HttpRoute, timeout: string | undefined): HttpRoute {
  if (timeout === undefined) return route;
  const { timeout: _, ...rest } = route;
  return millisecondsOf(timeout) === 0 ? rest : { ...rest, timeout };
}

/** The routes of a service that sidecars call. */
export function serviceRoutes(context: IstioContext, service: string): readonly PartRoute[] {
  for (const envoy of workloads(context.mesh).filter(({ app }) => app !== undefined)) {
    for (const hop of envoy.hops) {
      if (hop.target.kind !== "service" || hop.target.service !== service) continue;
      return partRoutes(context, envoy, hop, hop.target, "mesh");
    }
  }
  return [];
}

/** The routes of each part of the paths in which other filters run than around it. */
function partRoutes(
  context: IstioContext,
  envoy: MeshEnvoy,
  hop: Hop,
  target: ServiceTarget,
  where: "mesh" | "gateway",
  within = "/",
): readonly PartRoute[] {
  // A gateway has one listener, where `up` has one for each service behind its public one.
  const passed = attemptHops(envoy, hop).flatMap(({ filters }) => filters);
  return pathParts(passed, within).flatMap((part) =>
    httpRoutes(context, envoy, hop, target, { where, part }).map(({ name, match, ...rest }) => {
      const named = part === "/" ? String(name) : `${name}:${part}`;
      // Every route of a gateway says its paths, as the mesh file does.
      const uri = part === "/" && where === "mesh" ? {} : { uri: { prefix: part } };
      const matches = ((match ?? [{}]) as readonly HttpRoute[]).map((each) => ({ ...uri, ...each }));
      const isForAll = matches.every((each) => Object.keys(each).length === 0);
      const route = { name: named, ...(isForAll ? {} : { match: matches }), ...rest };
      return { service: target.service, part, name: named, route };
    }),
  );
}

interface RoutePlace {
  readonly where: "mesh" | "gateway";
  readonly part: string;
}

/** A route for each version that a filter can choose, and after them that of all other requests. */
function httpRoutes(
  context: IstioContext,
  envoy: MeshEnvoy,
  hop: Hop,
  { service, choosers }: ServiceTarget,
  { where, part }: RoutePlace,
): readonly HttpRoute[] {
  // Where no filter chooses, only clients can send the header, and it decides nothing.
  const uses = choosers.filter((use) => runsAt(use, part));
  const header = destinationHeader(uses);
  const mirrors = Object.keys(mirrorsOf(uses, (version) => version));
  const settings = context.mesh.services[service];
  const versions = header === undefined ? [] : Object.keys(settings?.versions ?? {});
  const removed = routersOwnHeaders(attemptHops(envoy, hop).flatMap(({ filters }) => filters));
  const to = (version: string, mirrored: Readonly<Record<string, Json>>): HttpRoute => ({
    ...authority(context, service, version),
    route: [{ destination: destinationOf(context, service, version, where) }],
    ...action(context, service),
    ...mirrored,
    ...(removed.length === 0 ? {} : { headers: { response: { remove: removed } } }),
  });
  /** The route to a version, after one for each that may get copies of its requests. */
  const routesTo = (name: string, version: string, headers: Readonly<Record<string, Json>>) => {
    const own = context.ownsRoutes ? mirrorOf(context, service, version, where) : {};
    const matching = (more: Readonly<Record<string, Json>>) => {
      const all = { ...headers, ...more };
      return Object.keys(all).length === 0 ? {} : { match: [{ headers: all }] };
    };
    const copied = mirrors.filter((mirror) => mirror !== version);
    return [
      ...copied.map((mirror) => ({
        name: `${name}-copy-${mirror}`,
        ...matching({ [MIRROR_HEADER]: { exact: mirror } }),
        ...to(version, copiesTo(context, service, mirror, where, own)),
      })),
      { name, ...matching({}), ...to(version, own) },
    ];
  };
  return [
    ...versions.flatMap((version) =>
      routesTo(`${service}-${version}`, version, { [header ?? ""]: { exact: version } }),
    ),
    ...routesTo(service, settings === undefined ? "" : defaultVersion(settings), {}),
  ];
}

/** A server that speaks TLS answers only for the names in its certificate. */
function authority(context: IstioContext, service: string, version: string): HttpRoute {
  const place = versionPlaces(context, service).find((each) => each.version === version)?.elsewhere;
  return place?.external?.tls ? { rewrite: { authority: place.host } } : {};
}

function action({ mesh, options, ownsRoutes }: IstioContext, service: string): HttpRoute {
  if (!ownsRoutes) return {};
  const { timeout, retries } = mesh.services[service] ?? {};
  const limit = millisecondsOf(timeout ?? "0s") === 0 ? {} : { timeout: timeout ?? "" };
  const conditions = retries?.on.filter(isNamed) ?? [];
  if (retries === undefined || conditions.length === 0) return { ...limit, retries: { attempts: 0 } };
  const { attempts = 1, perTryTimeout } = retries;
  return {
    ...limit,
    retries: {
      attempts,
      retryOn: conditions.join(","),
      ...(perTryTimeout === undefined ? {} : { perTryTimeout }),
      ...retryWords(options.minor, retries),
    },
  };
}

/** Statuses for which Go, and so Istio, has a name. It refuses the others in `retryOn`. */
const NAMED = new Set([
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418],
  ...[421, 422, 423, 424, 425, 426, 428, 429, 431, 451],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
]);

function isNamed(condition: string | number): boolean {
  return typeof condition !== "number" || NAMED.has(condition);
}

/** Tells of retries that Istio refuses. */
export function tellRetries({ mesh, told }: IstioContext): void {
  for (const [service, { retries }] of Object.entries(mesh.services)) {
    for (const [i, condition] of (retries?.on ?? []).entries()) {
      if (isNamed(condition)) continue;
      const path = ["services", service, "retries", "on", i];
      told.refuse(path, `Istio retries no status ${condition}, because it is not a registered one`);
    }
  }
}
