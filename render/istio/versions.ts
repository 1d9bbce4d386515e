// The versions of a service, as destinations of routes.

import { urlsOf } from "../../compose/mesh/instances.js";
import { speaksHttp2 } from "../../compose/mesh/protocols.js";
import type { MeshService } from "../../compose/mesh/shape.js";
import type { IstioContext } from "./context.js";
import { type HostPlace, placeOfUrl, serviceHost } from "./hosts.js";
import { portOf } from "./ports.js";

type Places = Pick<IstioContext, "mesh" | "options">;

/** Where requests for a version go. */
export interface VersionPlace {
  readonly version: string;
  /** Absent for pods of the service itself. */
  readonly elsewhere?: HostPlace;
}

/** Every version of the service; those by a URL of the machine itself are pods in a cluster. */
export function versionPlaces({ mesh, options }: Places, service: string): readonly VersionPlace[] {
  return Object.entries(mesh.services[service]?.versions ?? {}).map(([version, how]) => {
    const [url] = urlsOf(how);
    if (url === undefined) return { version };
    const place = placeOfUrl(url, `${service}-${version}`, options);
    return place.isLocal ? { version } : { version, elsewhere: place };
  });
}

/** The versions that are pods of the service. */
export function podVersions(context: Places, service: string): readonly string[] {
  return versionPlaces(context, service)
    .filter(({ elsewhere }) => elsewhere === undefined)
    .map(({ version }) => version);
}

/**
 * Whether routes name subsets of the service: where there is more than one version of pods. A mesh
 * file names all versions, and filters' files only those that a filter chooses.
 */
export function hasSubsets(context: IstioContext, service: string): boolean {
  return podVersions(context, service).length > (context.ownsRoutes ? 1 : 0);
}

export function defaultVersion({ versions, default: chosen }: MeshService): string {
  return chosen ?? Object.keys(versions)[0] ?? "";
}

/** The `destination` of a route. A gateway must be told the port: a Service may have several. */
export function destinationOf(
  context: IstioContext,
  service: string,
  version: string,
  where: "mesh" | "gateway",
) {
  const { options } = context;
  const elsewhere = versionPlaces(context, service).find((each) => each.version === version)?.elsewhere;
  if (elsewhere !== undefined) return { host: elsewhere.host, port: { number: elsewhere.port } };
  return {
    host: serviceHost(service, options),
    ...(version !== "" && hasSubsets(context, service) ? { subset: version } : {}),
    ...(where === "gateway" ? { port: { number: portOf(options.ports, service).port } } : {}),
  };
}

/** How the port of a service must be named, from which Istio knows what it speaks. */
export function portProtocol(service: MeshService | undefined): "http" | "http2" | "grpc" {
  if (service?.protocol === "grpc") return "grpc";
  return speaksHttp2(service) ? "http2" : "http";
}
