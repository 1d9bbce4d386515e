// The rules that span several places of a mesh file: every name must refer to something, and no two
// things may have the same name.

import { listed, nearest, type Problem } from "../../envoy/problems.js";
import { choosesDestinations, destinationPlaces } from "../destinations.js";
import { firstCommonPath } from "../filter-paths.js";
import type { FilterUse } from "../filter-use.js";
import { grpcServiceProblems } from "../grpc-services.js";
import { httpServiceProblems } from "../http-services.js";
import { conditionsProblem } from "../retry-marks.js";
import { perTryTimeoutProblem } from "../route-options.js";
import { accessProblems } from "./access-checks.js";
import { composeProblems } from "./compose-checks.js";
import { onItsPaths } from "./filter-routes.js";
import { urlsOf } from "./instances.js";
import { placed } from "./listed-use.js";
import { APP_CLUSTER, outboundName } from "./names.js";
import { policyProblems } from "./policy/checks.js";
import { filterRoutesProblems } from "./route-checks.js";
import type { Mesh, MeshService } from "./shape.js";
import { tcpAccessProblems, tcpProblems, tcpRouteProblems } from "./tcp-checks.js";

type Path = readonly PropertyKey[];

/** The names in a mesh, collected once: a file may have tens of thousands. */
interface Known {
  readonly services: readonly string[];
  /** Whether the file has a service of that name; every object has a `constructor`. */
  readonly hasService: (name: string) => boolean;
  /** Of all services, each name once. */
  readonly versions: readonly string[];
  readonly grpcServices: readonly string[];
  readonly httpServices: readonly string[];
  /** The mesh-wide filters around a called service. */
  readonly around: readonly FilterUse[];
}

function knownIn(mesh: Mesh): Known {
  const services = Object.values(mesh.services);
  return {
    services: Object.keys(mesh.services),
    hasService: (name) => Object.hasOwn(mesh.services, name),
    versions: distinct(services.flatMap((service) => Object.keys(service.versions))),
    grpcServices: Object.keys(mesh.grpcServices ?? {}),
    httpServices: Object.keys(mesh.httpServices ?? {}),
    around: placed([
      ...(mesh.filters ?? []).filter((use) => use.at.some((place) => place !== "inbound")),
      ...(mesh.gateway.filters ?? []),
    ]).map(({ use }) => use),
  };
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

/** All problems that span several places; each problem names its place. */
export function checkMesh(mesh: Mesh): Problem[] {
  const known = knownIn(mesh);
  const services = Object.entries(mesh.services);
  return [
    ...gatewayProblems(mesh, known),
    ...services.flatMap(([name, service]) => serviceProblems(known, name, service)),
    ...calledNameProblems(known),
    ...composeProblems(mesh),
    ...placed(mesh.filters).flatMap(({ use, i }) => meshFilterProblems(known, use, ["filters", i])),
    ...filterRoutesProblems(mesh),
    ...accessProblems(mesh),
    ...tcpAccessProblems(mesh),
    ...policyProblems(mesh),
  ];
}

function gatewayProblems(mesh: Mesh, known: Known): Problem[] {
  const { routes, filters } = mesh.gateway;
  const routed = distinct(routes.map((route) => route.service))
    .filter(known.hasService)
    .map((name) => mesh.services[name]);
  const versions = distinct(routed.flatMap((service) => Object.keys(service?.versions ?? {})));
  return [
    ...routes.flatMap(({ service }, i) =>
      unknownService(known, service, ["gateway", "routes", i, "service"]),
    ),
    ...unreachableRoutes(routes),
    ...tcpRouteProblems(mesh),
    ...placed(filters).flatMap(({ use, i }) =>
      filterProblems(known, use, versions, "a routed service", ["gateway", "filters", i]),
    ),
  ];
}

/** Routes whose requests an earlier route takes. */
function unreachableRoutes(routes: Mesh["gateway"]["routes"]): Problem[] {
  const firsts = new Map<string, number>();
  // Only the lengths of earlier prefixes are looked up: a file may have tens of thousands of them.
  const lengths = new Set<number>();
  return routes.flatMap(({ prefix }, i) => {
    const taken = [...lengths].map((length) => firsts.get(prefix.slice(0, length)) ?? i);
    const before = Math.min(i, ...taken);
    if (before < i) {
      const reason = `is never reached: routes[${before}] already takes "${routes[before]?.prefix}"; put this one first`;
      return [{ path: ["gateway", "routes", i, "prefix"], reason }];
    }
    firsts.set(prefix, i);
    lengths.add(prefix.length);
    return [];
  });
}

function serviceProblems(known: Known, name: string, service: MeshService): Problem[] {
  const path: Path = ["services", name];
  const versions = Object.keys(service.versions);
  const { calls = [] } = service;
  const filters = placed(service.filters);
  const firsts = new Map(calls.map((called, i) => [called, i] as const).reverse());
  const problems = calls.flatMap((called, i) => [
    ...unknownService(known, called, [...path, "calls", i]),
    ...((firsts.get(called) ?? i) < i ? [{ path: [...path, "calls", i], reason: "is named twice" }] : []),
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
    ...tcpProblems(service).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    ...choiceProblems(filters.map(({ use }) => onItsPaths(use, []))).map((reason) => ({
      path: [...path, "filters"],
      reason,
    })),
    ...retryProblems(known, service).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    ...filters.flatMap(({ use, i }) => filterProblems(known, use, versions, name, [...path, "filters", i])),
  ];
}

/** The protocol holds for every version, so that callers need not know which one serves them. */
function protocolProblems({ protocol, versions }: MeshService): Problem[] {
  if (protocol !== "http1") return [];
  return Object.entries(versions)
    .filter(([, how]) => urlsOf(how).some((url) => /^h2c:/i.test(url)))
    .map(([version, how]) => ({
      path: ["versions", version, "url" in how ? "url" : "urls"],
      reason: 'is for HTTP/2, and the service\'s protocol is http1; write "http://", or protocol: http2',
    }));
}

/** Envoy's routes follow one header, so a second choice would undo the first. */
function choiceProblems(filters: readonly FilterUse[]): string[] {
  const choosers = filters.filter(choosesDestinations);
  for (const [i, second] of choosers.entries()) {
    const first = choosers.slice(0, i).find((each) => firstCommonPath(each, second) !== undefined);
    if (first === undefined) continue;
    if (first.filter !== second.filter)
      return [`have ${first.filter} and ${second.filter}, which both choose a destination; keep one of them`];
    // Otherwise `filterRoutesProblems` says where their routes meet.
    if (first.paths === undefined && second.paths === undefined)
      return [`have ${first.filter} twice; put the rules into one`];
  }
  return [];
}

function retryProblems({ around }: Known, service: MeshService): Problem[] {
  const own = placed(service.filters).map(({ use }) => use);
  const conditions = service.retries && conditionsProblem([...around, ...own], service.retries.on);
  const perTry = perTryTimeoutProblem(service);
  return [
    ...(conditions === undefined ? [] : [{ path: ["retries", "on"], reason: conditions }]),
    ...(perTry === undefined ? [] : [{ path: ["retries", "perTryTimeout"], reason: perTry }]),
  ];
}

function meshFilterProblems(known: Known, use: FilterUse & { at: readonly string[] }, path: Path): Problem[] {
  const problems = filterProblems(known, use, known.versions, "any service", path);
  if (!choosesDestinations(use) || !use.at.includes("inbound")) return problems;
  const reason = `${use.filter} has nothing to choose at "inbound", which leads to the app alone; use "outbound"`;
  return [...problems, { path: [...path, "at", use.at.indexOf("inbound")], reason }];
}

function filterProblems(
  { grpcServices, httpServices }: Known,
  use: FilterUse,
  versions: readonly string[],
  whose: string,
  path: Path,
): Problem[] {
  const destinations = destinationPlaces(use)
    .filter((place) => !versions.includes(place.name))
    .map((place) => ({ path: place.path, reason: unknown(place.name, versions, `version of ${whose}`) }));
  const services = [
    ...grpcServiceProblems(use, grpcServices, addService("grpcServices")),
    ...httpServiceProblems(use, httpServices, addService("httpServices")),
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
function calledNameProblems({ services, grpcServices, httpServices }: Known): Problem[] {
  const taken = new Set([APP_CLUSTER, ...services.map(outboundName)]);
  const grpc = new Set(grpcServices);
  const reason = "is the name of one of the mesh's own clusters in Envoy; choose another name";
  const own = (key: string, names: readonly string[]) =>
    names.filter((name) => taken.has(name)).map((name) => ({ path: [key, name], reason }));
  return [
    ...own("grpcServices", grpcServices),
    ...own("httpServices", httpServices),
    ...httpServices
      .filter((name) => grpc.has(name))
      .map((name) => ({
        path: ["httpServices", name],
        reason: "is the name of a gRPC service too; choose another name",
      })),
  ];
}

function unknownService({ services, hasService }: Known, name: string, path: Path): Problem[] {
  return hasService(name) ? [] : [{ path, reason: unknown(name, services, "service") }];
}

function unknown(name: string, known: readonly string[], kind: string): string {
  const near = nearest(name, known);
  const help = near === undefined ? `there is ${listed(known)}` : `did you mean "${near}"?`;
  return `there is no ${kind} "${name}"; ${help}`;
}
