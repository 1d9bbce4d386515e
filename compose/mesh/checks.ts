// The rules that span several places of a mesh file: every name must refer to something, and no two
// things may have the same name.

import { nearest, type Problem } from "../../envoy/problems.js";
import { choosesDestinations, destinationPlaces } from "../destinations.js";
import type { FilterUse } from "../filter-use.js";
import { grpcServiceProblems } from "../grpc-services.js";
import { httpServiceProblems } from "../http-services.js";
import { conditionsProblem } from "../retry-marks.js";
import { perTryTimeoutProblem } from "../route-options.js";
import { APP_CLUSTER, outboundName } from "./names.js";
import type { Mesh, MeshService } from "./shape.js";

type Path = readonly PropertyKey[];

/** All problems that span several places; each problem names its place. */
export function checkMesh(mesh: Mesh): Problem[] {
  const services = Object.entries(mesh.services);
  return [
    ...gatewayProblems(mesh),
    ...services.flatMap(([name, service]) => serviceProblems(mesh, name, service)),
    ...calledNameProblems(mesh),
    ...placed(mesh.filters).flatMap(({ use, i }) => meshFilterProblems(mesh, use, ["filters", i])),
  ];
}

/**
 * The filters with their indexes. Filters whose settings were refused are left out, because the
 * schema gives them no descriptor.
 */
function placed<Use extends FilterUse>(uses: readonly Use[] = []): { use: Use; i: number }[] {
  return uses.flatMap((use, i) => ("descriptor" in use ? [{ use, i }] : []));
}

function gatewayProblems(mesh: Mesh): Problem[] {
  const { routes, filters } = mesh.gateway;
  const routed = routes
    .map((route) => serviceNamed(mesh, route.service))
    .filter((service) => service !== undefined);
  const versions = routed.flatMap((service) => Object.keys(service.versions));
  return [
    ...routes.flatMap((route, i) => [
      ...unknownService(mesh, route.service, ["gateway", "routes", i, "service"]),
      ...unreachableRoute(routes, i),
    ]),
    ...placed(filters).flatMap(({ use, i }) =>
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
  const { calls = [] } = service;
  const filters = placed(service.filters);
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
  return [
    ...problems,
    ...protocolProblems(service).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    ...choiceProblems(filters.map(({ use }) => use)).map((reason) => ({
      path: [...path, "filters"],
      reason,
    })),
    ...retryProblems(mesh, service).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    ...filters.flatMap(({ use, i }) => filterProblems(mesh, use, versions, name, [...path, "filters", i])),
  ];
}

/** The protocol holds for every version, so that callers need not know which one serves them. */
function protocolProblems({ protocol, versions }: MeshService): Problem[] {
  if (protocol !== "http1") return [];
  return Object.entries(versions)
    .filter(([, how]) => "url" in how && /^h2c:/i.test(how.url))
    .map(([version]) => ({
      path: ["versions", version, "url"],
      reason: 'is for HTTP/2, and the service\'s protocol is http1; write "http://", or protocol: http2',
    }));
}

/** Envoy's routes follow one header, so a second choice would undo the first. */
function choiceProblems(filters: readonly FilterUse[]): string[] {
  const [first, second] = filters.filter(choosesDestinations);
  if (first === undefined || second === undefined) return [];
  return first.filter === second.filter
    ? [`have ${first.filter} twice; put the rules into one`]
    : [`have ${first.filter} and ${second.filter}, which both choose a destination; keep one of them`];
}

function retryProblems(mesh: Mesh, service: MeshService): Problem[] {
  const meshWide = (mesh.filters ?? []).filter((use) => use.at.some((place) => place !== "inbound"));
  const around = placed([...meshWide, ...(mesh.gateway.filters ?? []), ...(service.filters ?? [])]);
  const conditions = conditionsProblem(
    around.map(({ use }) => use),
    service.retries?.on,
  );
  const perTry = perTryTimeoutProblem(service);
  return [
    ...(conditions === undefined ? [] : [{ path: ["retries", "on"], reason: conditions }]),
    ...(perTry === undefined ? [] : [{ path: ["retries", "perTryTimeout"], reason: perTry }]),
  ];
}

function meshFilterProblems(mesh: Mesh, use: FilterUse & { at: readonly string[] }, path: Path): Problem[] {
  const versions = Object.values(mesh.services).flatMap((service) => Object.keys(service.versions));
  const problems = filterProblems(mesh, use, versions, "any service", path);
  if (!choosesDestinations(use) || !use.at.includes("inbound")) return problems;
  const reason = `${use.filter} has nothing to choose at "inbound", which leads to the app alone; use "outbound"`;
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
    .filter((place) => !versions.includes(place.name))
    .map((place) => ({ path: place.path, reason: unknown(place.name, versions, `version of ${whose}`) }));
  const { grpcServices = {}, httpServices = {} } = mesh;
  const services = [
    ...grpcServiceProblems(use, Object.keys(grpcServices), addService("grpcServices")),
    ...httpServiceProblems(use, Object.keys(httpServices), addService("httpServices")),
  ];
  return [...destinations, ...services].map((problem) => ({
    path: [...path, "config", ...problem.path],
    reason: problem.reason,
  }));
}

function addService(key: string): (name: string) => string {
  return (name) => `say where it is: ${key}: { ${name}: { url: "http://HOST:PORT" } }`;
}

/**
 * Every Envoy has these clusters beside the mesh's own, and filters' settings use these names
 * unchanged.
 */
function calledNameProblems({ services, grpcServices = {}, httpServices = {} }: Mesh): Problem[] {
  const taken = new Set([APP_CLUSTER, ...Object.keys(services).map(outboundName)]);
  const reason = "is the name of one of the mesh's own clusters in Envoy; choose another name";
  const own = (key: string, names: readonly string[]) =>
    names.filter((name) => taken.has(name)).map((name) => ({ path: [key, name], reason }));
  return [
    ...own("grpcServices", Object.keys(grpcServices)),
    ...own("httpServices", Object.keys(httpServices)),
    ...Object.keys(httpServices)
      .filter((name) => Object.hasOwn(grpcServices, name))
      .map((name) => ({
        path: ["httpServices", name],
        reason: "is the name of a gRPC service too; choose another name",
      })),
  ];
}

/** Reads only the file's own entries, because every object has a `constructor`. */
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
