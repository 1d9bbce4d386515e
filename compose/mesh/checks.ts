// The rules that span several places of a mesh file: whatever is named must exist, and no two
// things may be called the same.

import { nearest, type Problem } from "../../envoy/problems.js";
import { destinationPlaces, type FilterUse } from "../destinations.js";
import { grpcServiceProblem } from "../grpc-services.js";
import { conditionsProblem } from "../retry-marks.js";
import { perTryTimeoutProblem } from "../route-options.js";
import type { Mesh, MeshService } from "./schema.js";
import { APP_CLUSTER, outboundName, sidecarName } from "./topology.js";

type Path = readonly PropertyKey[];

/** Everything that is wrong across the file; each problem names its place. */
export function checkMesh(mesh: Mesh): Problem[] {
  const services = Object.entries(mesh.services);
  return [
    ...gatewayProblems(mesh),
    ...services.flatMap(([name, service]) => serviceProblems(mesh, name, service)),
    ...clusterNameProblems(mesh),
    ...grpcNameProblems(mesh),
    ...(mesh.filters ?? []).flatMap((use, i) => meshFilterProblems(mesh, use, ["filters", i])),
  ];
}

function gatewayProblems(mesh: Mesh): Problem[] {
  const { routes, filters = [] } = mesh.gateway;
  const routed = routes
    .map((route) => serviceNamed(mesh, route.service))
    .filter((service) => service !== undefined);
  const versions = routed.flatMap((service) => Object.keys(service.versions));
  return [
    ...routes.flatMap((route, i) => [
      ...unknownService(mesh, route.service, ["gateway", "routes", i, "service"]),
      ...unreachableRoute(routes, i),
    ]),
    ...filters.flatMap((use, i) =>
      filterProblems(mesh, use, versions, "a routed service", ["gateway", "filters", i]),
    ),
  ];
}

function unreachableRoute(routes: Mesh["gateway"]["routes"], i: number): Problem[] {
  const prefix = routes[i]?.prefix ?? "";
  const before = routes.findIndex((route) => prefix.startsWith(route.prefix));
  if (before >= i) return [];
  const reason = `is never reached: routes[${before}] already takes "${routes[before]?.prefix}"; put this one first`;
  return [{ path: ["gateway", "routes", i, "prefix"], reason }];
}

function serviceProblems(mesh: Mesh, name: string, service: MeshService): Problem[] {
  const path: Path = ["services", name];
  const versions = Object.keys(service.versions);
  const { calls = [], filters = [] } = service;
  const problems = calls.flatMap((called, i) => [
    ...unknownService(mesh, called, [...path, "calls", i]),
    ...(calls.indexOf(called) < i ? [{ path: [...path, "calls", i], reason: "is named twice" }] : []),
  ]);
  if (service.default !== undefined && !versions.includes(service.default)) {
    problems.push({
      path: [...path, "default"],
      reason: unknown(service.default, versions, `version of ${name}`),
    });
  }
  const routing = filters.filter((use) => use.filter === "header-routing");
  if (routing.length > 1) {
    problems.push({
      path: [...path, "filters"],
      reason: "have header-routing twice; put the rules into one",
    });
  }
  return [
    ...problems,
    ...retryProblems(mesh, service).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    ...filters.flatMap((use, i) => filterProblems(mesh, use, versions, name, [...path, "filters", i])),
  ];
}

function retryProblems(mesh: Mesh, service: MeshService): Problem[] {
  const meshWide = (mesh.filters ?? []).filter((use) => use.at.some((place) => place !== "inbound"));
  const around = [...meshWide, ...(mesh.gateway.filters ?? []), ...(service.filters ?? [])];
  const conditions = conditionsProblem(around, service.retries?.on);
  const perTry = perTryTimeoutProblem(service);
  return [
    ...(conditions === undefined ? [] : [{ path: ["retries", "on"], reason: conditions }]),
    ...(perTry === undefined ? [] : [{ path: ["retries", "perTryTimeout"], reason: perTry }]),
  ];
}

function meshFilterProblems(mesh: Mesh, use: FilterUse & { at: readonly string[] }, path: Path): Problem[] {
  const versions = Object.values(mesh.services).flatMap((service) => Object.keys(service.versions));
  const problems = filterProblems(mesh, use, versions, "any service", path);
  if (use.filter !== "header-routing" || !use.at.includes("inbound")) return problems;
  const reason =
    'header-routing has nothing to choose at "inbound", where only the app is left; use "outbound"';
  return [...problems, { path: [...path, "at", use.at.indexOf("inbound")], reason }];
}

function filterProblems(
  mesh: Mesh,
  use: FilterUse,
  versions: readonly string[],
  whose: string,
  path: Path,
): Problem[] {
  const destinations = destinationPlaces(use)
    .filter((place) => !versions.includes(place.destination))
    .map((place) => ({
      path: place.path,
      reason: unknown(place.destination, versions, `version of ${whose}`),
    }));
  const service = grpcServiceProblem(use, Object.keys(mesh.grpcServices ?? {}), addService);
  return [...destinations, ...(service === undefined ? [] : [service])].map((problem) => ({
    path: [...path, "config", ...problem.path],
    reason: problem.reason,
  }));
}

function addService(name: string): string {
  return `say where it is: grpcServices: { ${name}: { url: "http://HOST:PORT" } }`;
}

/** They are clusters beside those of the mesh itself, in every Envoy. */
function grpcNameProblems(mesh: Mesh): Problem[] {
  const services = Object.entries(mesh.services);
  const taken = new Set([
    APP_CLUSTER,
    ...services.flatMap(([service, { versions }]) => [
      outboundName(service),
      ...Object.keys(versions).map((version) => sidecarName(service, version)),
    ]),
  ]);
  return Object.keys(mesh.grpcServices ?? {})
    .filter((name) => taken.has(name))
    .map((name) => ({
      path: ["grpcServices", name],
      reason: "is what Envoy calls a cluster of this mesh; take another name",
    }));
}

/** The file's own entry only: every object has a `constructor`. */
function serviceNamed(mesh: Mesh, name: string): MeshService | undefined {
  return Object.hasOwn(mesh.services, name) ? mesh.services[name] : undefined;
}

function unknownService(mesh: Mesh, name: string, path: Path): Problem[] {
  if (serviceNamed(mesh, name) !== undefined) return [];
  return [{ path, reason: unknown(name, Object.keys(mesh.services), "service") }];
}

function unknown(name: string, known: readonly string[], kind: string): string {
  const near = nearest(name, known);
  const help = near === undefined ? `there is ${[...new Set(known)].join(", ")}` : `did you mean "${near}"?`;
  return `there is no ${kind} "${name}"; ${help}`;
}

/** A cluster is called `<service>-<version>`, and both may hold a hyphen. */
function clusterNameProblems(mesh: Mesh): Problem[] {
  const seen = new Map<string, string>();
  return Object.entries(mesh.services).flatMap(([service, { versions }]) =>
    Object.keys(versions).flatMap((version): Problem[] => {
      const cluster = `${service}-${version}`;
      const other = seen.get(cluster);
      seen.set(cluster, `${service} ${version}`);
      if (other === undefined) return [];
      const reason = `is called ${cluster} in Envoy, and so is ${other}; rename one`;
      return [{ path: ["services", service, "versions", version], reason }];
    }),
  );
}
