// The addresses of a mesh's parts: the ports on this machine, and the addresses in the mesh file.

import { LOOPBACK } from "../listener-options.js";
import type { Trust } from "../upstream-cluster.js";
import { parseUpstreamUrl, type UpstreamAddress } from "../upstream-url.js";
import { outboundName, versionName } from "./names.js";
import type { Mesh, MeshService } from "./shape.js";
import { meshEnvoys } from "./topology.js";

export interface MeshPlanOptions extends Trust {
  /** The run's folder, absolute: access logs go to `envoys/`, filters' files to `filters/`. */
  readonly directory: string;
  /** The mesh file's folder, absolute: commands run from there. */
  readonly home: string;
  /** A port for each name in `portNames`. */
  readonly ports: ReadonlyMap<string, number>;
  /** The file of each filter's module, by the filter's name. */
  readonly modulePath: (filter: string) => string;
}

export interface Context extends MeshPlanOptions {
  readonly mesh: Mesh;
}

/**
 * The ports that a mesh needs, by the names under which `planMesh` asks for them; the first is the
 * gateway's public one.
 */
export function portNames(mesh: Mesh): readonly string[] {
  return meshEnvoys(mesh).flatMap((envoy) => [
    ...envoy.hops.map((hop) => `${envoy.name} ${hop.name}`),
    `${envoy.name} admin`,
    ...(envoy.app === undefined ? [] : [`${envoy.name} app`]),
  ]);
}

/** Where a version's app takes requests, and what it speaks. */
export function appAddress(context: Context, app: { service: string; version: string }): UpstreamAddress {
  const service = context.mesh.services[app.service];
  const how = service?.versions[app.version];
  const parsed = how !== undefined && "url" in how ? parseUpstreamUrl(how.url) : undefined;
  if (!parsed?.ok) return hopAddress(service, port(context, `${versionName(app.service, app.version)} app`));
  if (speaksHttp2(service)) return { ...parsed.value, protocol: "http2" };
  return service?.protocol === "http1" ? { ...parsed.value, protocol: "http1" } : parsed.value;
}

/** A listener or an app on this machine that takes requests for the service, in its protocol. */
export function hopAddress(service: MeshService | undefined, port: number): UpstreamAddress {
  return { address: LOOPBACK, port, ...(speaksHttp2(service) ? { protocol: "http2" } : {}) };
}

/**
 * Whether the service is called over HTTP/2 at every hop: it says so, or the URL of a version does.
 */
export function speaksHttp2(service: MeshService | undefined): boolean {
  if (service?.protocol !== undefined) return service.protocol !== "http1";
  return Object.values(service?.versions ?? {}).some((how) => "url" in how && /^h2c:/i.test(how.url));
}

/** The URL at which a sidecar's app calls a service. */
export function outboundUrl(context: Context, sidecar: string, service: string): string {
  return `http://${LOOPBACK}:${port(context, `${sidecar} ${outboundName(service)}`)}`;
}

/** The addresses of services that filters call, by name. */
export function servicesOf(
  services: Mesh["grpcServices"] | Mesh["httpServices"],
): Readonly<Record<string, UpstreamAddress>> {
  return Object.fromEntries(
    Object.entries(services ?? {}).flatMap(([name, { url }]) => {
      const parsed = parseUpstreamUrl(url);
      return parsed.ok ? [[name, parsed.value]] : [];
    }),
  );
}

/** The port of that name. Throws where `portNames` has no such name. */
export function port(context: Context, name: string): number {
  const found = context.ports.get(name);
  if (found === undefined) throw new Error(`no port was given for "${name}"`);
  return found;
}
