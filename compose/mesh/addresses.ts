// The addresses of a mesh's parts: the ports on this machine, and the addresses in the mesh file.

import type { Trust } from "../upstream-cluster.js";
import { parseUpstreamUrl, type UpstreamAddress } from "../upstream-url.js";
import { outboundName, versionName } from "./names.js";
import type { Mesh } from "./shape.js";
import { meshEnvoys } from "./topology.js";

export const LOOPBACK = "127.0.0.1";

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

export function appAddress(context: Context, app: { service: string; version: string }): UpstreamAddress {
  const how = context.mesh.services[app.service]?.versions[app.version];
  const parsed = how !== undefined && "url" in how ? parseUpstreamUrl(how.url) : undefined;
  if (parsed?.ok) return parsed.value;
  return local(port(context, `${versionName(app.service, app.version)} app`));
}

/** The URL at which a sidecar's app calls a service. */
export function outboundUrl(context: Context, sidecar: string, service: string): string {
  return `http://${LOOPBACK}:${port(context, `${sidecar} ${outboundName(service)}`)}`;
}

/** The addresses of the services that filters call, by name. */
export function grpcServices(mesh: Mesh): Readonly<Record<string, UpstreamAddress>> {
  return Object.fromEntries(
    Object.entries(mesh.grpcServices ?? {}).flatMap(([name, { url }]) => {
      const parsed = parseUpstreamUrl(url);
      return parsed.ok ? [[name, parsed.value]] : [];
    }),
  );
}

export function local(port: number): UpstreamAddress {
  return { address: LOOPBACK, port };
}

/** The port of that name. Throws where `portNames` has no such name. */
export function port(context: Context, name: string): number {
  const found = context.ports.get(name);
  if (found === undefined) throw new Error(`no port was given for "${name}"`);
  return found;
}
