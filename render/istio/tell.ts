// What a person must know before they apply the output: what Istio has no word for, and what it
// takes from elsewhere.

import type { FilterUse } from "../../compose/filter-use.js";
import { isNative, nativeOf } from "../../compose/native-filters.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { listed } from "../../envoy/problems.js";
import { nameProblem } from "../names.js";
import type { IstioContext } from "./context.js";
import { tellEgress } from "./egress.js";
import { gatewayPlaceWarnings } from "./listeners.js";
import { portOf } from "./ports.js";
import { omittedRoutes } from "./route-warnings.js";
import { gatewayRoutes, serviceRoutes, tellRetries } from "./routes.js";
import { tellPolicy } from "./tell-policy.js";
import { podVersions, portProtocol } from "./versions.js";
import { isByRoute, pluginsOf, upstreamsOf, workloads } from "./workloads.js";

type Places = ReadonlyMap<FilterUse, readonly PropertyKey[]>;

/** Tells all about the mesh file. @throws MeshwrightError `usage` for options about nothing */
export function tellMesh(context: IstioContext, places: Places): void {
  refuseUnknownPorts(context);
  tellNames(context);
  tellNatives(context, places);
  tellRetries(context);
  tellAccess(context);
  tellClientTls(context);
  tellPolicy(context);
  tellEgress(context);
  tellOmittedRoutes(context);
  tellAddresses(context);
  tellPods(context);
  for (const line of gatewayPlaceWarnings(context.options)) context.told.warnOfAll(line);
}

function refuseUnknownPorts({ mesh, options }: IstioContext): void {
  const unknown = [...options.ports.services.keys()].find((name) => !Object.hasOwn(mesh.services, name));
  if (unknown === undefined) return;
  throw new MeshwrightError(
    "usage",
    `--port ${unknown}=…: the mesh has no service "${unknown}"; there is ${listed(Object.keys(mesh.services))}`,
  );
}

function tellNames({ mesh, told }: IstioContext): void {
  const check = (name: string, path: readonly PropertyKey[]) => {
    const problem = nameProblem(name);
    if (problem !== undefined) told.invalid(path, problem);
  };
  check(mesh.name, ["name"]);
  for (const [service, { versions }] of Object.entries(mesh.services)) {
    check(service, ["services", service]);
    for (const version of Object.keys(versions)) check(version, ["services", service, "versions", version]);
  }
}

/** Istio's own words for what Envoy's filters do. */
const WORDS: Readonly<Record<string, string>> = {
  "envoy.filters.http.cors": "corsPolicy of a VirtualService",
  "envoy.filters.http.jwt_authn": "a RequestAuthentication",
  "envoy.filters.http.ext_authz": "an AuthorizationPolicy with the action CUSTOM",
  "envoy.filters.http.rbac": "an AuthorizationPolicy",
  "envoy.filters.http.fault": "fault of a VirtualService",
};

function tellNatives({ told }: IstioContext, places: Places): void {
  for (const [use, path] of places) {
    if (!isNative(use)) continue;
    const { name } = nativeOf(use);
    const word = WORDS[name] ?? "an EnvoyFilter of your own";
    told.refuse([...path, "config", "name"], `${name} is one of Envoy's own filters; write ${word} for it`);
  }
}

/** Filters by route need routes of these names. */
function tellOmittedRoutes(context: IstioContext): void {
  const { mesh, options, told } = context;
  const plugins = workloads(mesh).flatMap((envoy) => pluginsOf(mesh, envoy, options));
  const attempts = upstreamsOf(mesh, options).flatMap(({ chains }) => chains.flatMap(({ uses }) => uses));
  if (!plugins.some(isByRoute) && attempts.every(({ use }) => use.paths === undefined)) return;
  const called = Object.keys(mesh.services).flatMap((service) => serviceRoutes(context, service));
  for (const line of omittedRoutes(context, [...gatewayRoutes(context), ...called])) told.warnOfAll(line);
}

/**
 * Istio denies before it allows, whatever is more specific, and an AuthorizationPolicy that allows
 * closes its workload to all others. So the same rules would mean something else there.
 */
function tellAccess({ mesh, told }: IstioContext): void {
  const policy = "Istio decides by other rules; write an AuthorizationPolicy for it";
  if (mesh.access?.denyByDefault === true) told.refuse(["access", "denyByDefault"], policy);
  for (const [service, rules] of Object.entries(mesh.services)) {
    for (const list of ["allow", "deny"] as const)
      if (rules[list] !== undefined) told.refuse(["services", service, list], policy);
  }
}

function tellClientTls({ mesh, told, options }: IstioContext): void {
  if (mesh.gateway.tls === undefined || options.gateway.resource !== undefined) return;
  const reason =
    "the certificates are files of this machine; write a Gateway with them and name it by --use-gateway";
  told.refuse(["gateway", "tls"], reason);
}

function tellAddresses({ mesh, told, called, options }: IstioContext): void {
  if (mesh.gateway.address !== undefined) {
    told.warn(["gateway", "address"], "is not used: a gateway in a cluster listens on its pods' addresses");
  }
  for (const [service, { versions }] of Object.entries(mesh.services)) {
    for (const [version, how] of Object.entries(versions)) {
      if (!("url" in how) || !podVersions({ mesh, options }, service).includes(version)) continue;
      told.warn(
        ["services", service, "versions", version, "url"],
        `${how.url} is this machine: in the cluster it is the pods with ${podLabels({ options }, service, version)}`,
      );
    }
  }
  for (const key of ["grpcServices", "httpServices"] as const) {
    for (const [name, { url }] of Object.entries(mesh[key] ?? {})) {
      const place = called.get(name);
      if (!place?.isLocal) continue;
      told.warn(
        [key, name, "url"],
        `${url} is this machine: in the cluster it is the Service ${place.host}, port ${place.port}`,
      );
    }
  }
}

function podLabels({ options }: Pick<IstioContext, "options">, service: string, version: string): string {
  return `the labels ${options.labels.app}: ${service} and ${options.labels.version}: ${version}`;
}

/** Deployments and Services are not rendered: what must be right in them. */
function tellPods({ mesh, told, options }: IstioContext): void {
  const services = Object.keys(mesh.services).filter(
    (service) => podVersions({ mesh, options }, service).length > 0,
  );
  if (services.length === 0) return;
  const ports = services.map((service) => {
    const { port, target } = portOf(options.ports, service);
    const to = port === target ? `${port}` : `${port}:${target}`;
    return `${service} ${portProtocol(mesh.services[service])} ${to}`;
  });
  told.warnOfAll(
    `Deployments and Services are yours: pods have the labels ${options.labels.app} (the service) and ${options.labels.version}, and each Service has a port named by its protocol: ${ports.join(", ")}`,
  );
}
