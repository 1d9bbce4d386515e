// The rules of a traffic policy that span several places of a mesh file.

import { listed, nearest, type Problem } from "../../../envoy/problems.js";
import { choosesDestinations } from "../../destinations.js";
import type { FilterUse } from "../../filter-use.js";
import { allInstances, instancesOf } from "../instances.js";
import { placed } from "../listed-use.js";
import { speaksHttp2 } from "../protocols.js";
import type { Mesh, MeshService } from "../shape.js";
import { defaultVersion } from "./mirror.js";

type Path = readonly PropertyKey[];

export function policyProblems(mesh: Mesh): Problem[] {
  const zones = new Set([mesh.gateway.zone, ...allInstances(mesh).map(({ zone }) => zone)]);
  return Object.entries(mesh.services).flatMap(([name, service]) =>
    [
      ...zoneProblems(name, service, zones),
      ...mirrorProblems(mesh, name, service),
      ...healthProblems(service),
      ...poolProblems(service),
    ].map((problem) => ({ ...problem, path: ["services", name, ...problem.path] })),
  );
}

/** @param known the zones of all callers */
function zoneProblems(name: string, service: MeshService, known: ReadonlySet<string | undefined>): Problem[] {
  const zones = service.loadBalancer?.zones;
  if (zones === undefined) return [];
  const path: Path = ["loadBalancer", "zones"];
  const versions = Object.entries(service.versions).map(([version, how]) => ({
    version,
    zones: instancesOf(name, version, how).map(({ zone }) => zone),
  }));
  const without = versions.find((version) => version.zones.includes(undefined));
  if (without !== undefined) {
    const remedy = 'by instances: [{ zone: … }], or urls: [{ url: "…", zone: … }]';
    return [{ path, reason: `needs the zone of every instance of ${without.version}: say it ${remedy}` }];
  }
  const there = [...new Set(versions.flatMap((version) => version.zones))].flatMap((zone) => zone ?? []);
  return (zones.distribute ?? []).flatMap(({ from, to }, i): Problem[] => {
    const at: Path = [...path, "distribute", i];
    const missing = Object.keys(to).find((zone) => !there.includes(zone));
    if (missing !== undefined) {
      const reason = `no instance of ${name} stands in this zone; ${nearOr(missing, there)}`;
      return [{ path: [...at, "to", missing], reason }];
    }
    const empty = versions.find((version) => !version.zones.some((zone) => zone !== undefined && zone in to));
    if (empty !== undefined)
      return [{ path: [...at, "to"], reason: `leaves version ${empty.version} without any instance` }];
    if (from === undefined || known.has(from)) return [];
    return [{ path: [...at, "from"], reason: `nothing of the mesh stands in zone "${from}"` }];
  });
}

function nearOr(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? `there is ${listed(known)}` : `did you mean "${near}"?`;
}

function mirrorProblems(mesh: Mesh, name: string, service: MeshService): Problem[] {
  const { mirror } = service;
  if (mirror === undefined) return [];
  if (mirror.service !== undefined) {
    const path: Path = ["mirror", "service"];
    if (mirror.service === name)
      return [{ path, reason: "is a mirror to itself; name a version of it, or another service" }];
    const known = Object.keys(mesh.services);
    if (known.includes(mirror.service)) return [];
    return [{ path, reason: `there is no service "${mirror.service}"; ${nearOr(mirror.service, known)}` }];
  }
  const { version = "" } = mirror;
  const versions = Object.keys(service.versions);
  const path: Path = ["mirror", "version"];
  if (!versions.includes(version))
    return [{ path, reason: `there is no version of ${name} "${version}"; ${nearOr(version, versions)}` }];
  const isAll = versions.length === 1 || !canChoose(mesh, service);
  if (!isAll || version !== defaultVersion(mesh.services, name)) return [];
  return [{ path, reason: "is a mirror to itself: this version gets all requests already" }];
}

/** Whether a filter may send requests of the service to another version than the default. */
function canChoose({ filters, gateway }: Mesh, service: MeshService): boolean {
  const uses: readonly FilterUse[] = [
    ...placed(filters).map(({ use }) => use),
    ...placed(gateway.filters).map(({ use }) => use),
    ...placed(service.filters).map(({ use }) => use),
  ];
  return uses.some(choosesDestinations);
}

function healthProblems(service: MeshService): Problem[] {
  if (service.healthChecks?.grpc === undefined || speaksHttp2(service)) return [];
  const reason =
    "asks over HTTP/2, and the service speaks HTTP/1.1: write protocol: grpc, or ask by http or tcp";
  return [{ path: ["healthChecks", "grpc"], reason }];
}

function poolProblems({ connectionPool, retries }: MeshService): Problem[] {
  if (connectionPool?.maxRetries !== 0 || retries === undefined) return [];
  return [{ path: ["connectionPool", "maxRetries"], reason: "allows no retry, and the service has retries" }];
}
