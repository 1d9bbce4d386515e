// VirtualServices: which version gets a request, for how long, and what is retried.

import { destinationHeader } from "../../compose/destinations.js";
import { attemptHops, type Hop, type MeshEnvoy, type ServiceTarget } from "../../compose/mesh/topology.js";
import { routersOwnHeaders } from "../../compose/retry-marks.js";
import type { Json } from "../../envoy/config/json.js";
import { millisecondsOf } from "../../filters/shared/rule-schema.js";
import type { Draft, IstioContext } from "./context.js";
import { serviceHost } from "./hosts.js";
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
  return {
    kind: "VirtualService",
    parts: [service],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "VirtualService",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { hosts: [host], http: httpRoutes(context, envoy, hop, target, "mesh") } },
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
  const { mesh, options, labels } = context;
  const envoy = workloads(mesh)[0] as MeshEnvoy;
  const hopOf = (service: string) =>
    envoy.hops.find(({ target }) => target.kind === "service" && target.service === service);
  const http = mesh.gateway.routes.flatMap(({ prefix, service }) => {
    const hop = hopOf(service);
    if (hop?.target.kind !== "service") return [];
    return httpRoutes(context, envoy, hop, hop.target, "gateway").map((route) => underPrefix(route, prefix));
  });
  return {
    kind: "VirtualService",
    parts: ["", "gateway"],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "VirtualService",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { hosts: [...options.gateway.hosts], gateways: [gateway], http } },
      comment: ["Requests from outside. The first route that matches decides."],
    }),
  };
}

type HttpRoute = Readonly<Record<string, Json>>;

function underPrefix({ name, match, ...rest }: HttpRoute, prefix: string): HttpRoute {
  const matches = (match ?? [{}]) as readonly HttpRoute[];
  return {
    ...(name === undefined ? {} : { name }),
    match: matches.map((each) => ({ uri: { prefix }, ...each })),
    ...rest,
  };
}

/** A route for each version that a filter can choose, and after them that of all other requests. */
function httpRoutes(
  context: IstioContext,
  envoy: MeshEnvoy,
  hop: Hop,
  { service, choosers }: ServiceTarget,
  where: "mesh" | "gateway",
): readonly HttpRoute[] {
  const header = destinationHeader(choosers);
  const settings = context.mesh.services[service];
  const versions = header === undefined ? [] : Object.keys(settings?.versions ?? {});
  const removed = routersOwnHeaders(attemptHops(envoy, hop).flatMap(({ filters }) => filters));
  const to = (version: string): HttpRoute => ({
    ...authority(context, service, version),
    route: [{ destination: destinationOf(context, service, version, where) }],
    ...action(context, service),
    ...(removed.length === 0 ? {} : { headers: { response: { remove: removed } } }),
  });
  return [
    ...versions.map((version) => ({
      name: `${service}-${version}`,
      match: [{ headers: { [header ?? ""]: { exact: version } } }],
      ...to(version),
    })),
    { name: service, ...to(settings === undefined ? "" : defaultVersion(settings)) },
  ];
}

/** A server that speaks TLS answers only for the names in its certificate. */
function authority(context: IstioContext, service: string, version: string): HttpRoute {
  const place = versionPlaces(context, service).find((each) => each.version === version)?.elsewhere;
  return place?.external?.tls ? { rewrite: { authority: place.host } } : {};
}

function action({ mesh, ownsRoutes }: IstioContext, service: string): HttpRoute {
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
