// The addresses of a mesh's parts: the ports on this machine, and the addresses in the mesh file.

import type { FileSource } from "../../envoy/config/discovery-source.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { FilterUse, ModulePath } from "../filter-use.js";
import { LOOPBACK } from "../listener-options.js";
import type { FilterPlan } from "../planned-envoy.js";
import type { Trust } from "../upstream-cluster.js";
import { parseUpstreamUrl, parseVersionUrl, type UpstreamAddress } from "../upstream-url.js";
import { allInstances, type Instance } from "./instances.js";
import { GATEWAY, outboundName } from "./names.js";
import { EGRESS } from "./policy/egress.js";
import { isTcp, speaksHttp2 } from "./protocols.js";
import type { Mesh, MeshService } from "./shape.js";
import { type Hop, type MeshEnvoy, meshEnvoys } from "./topology.js";

/** The name of the port through which the outside is reached. */
export const EGRESS_PORT = `${GATEWAY} ${EGRESS}`;

/** The gateway's port where a mesh file names none. */
export const DEFAULT_GATEWAY_PORT = 10_000;

/** Where the parts of a mesh stand that does not run as processes of this machine. */
export interface Places {
  /** The IP address on which a hop's listener stands. */
  readonly listener: (envoy: string, hop: Hop) => string;
  /** The host at which other Envoys reach a sidecar. */
  readonly sidecar: (name: string) => string;
  /** Where the listener of `egress` stands, and the host by which apps reach it. */
  readonly egress: { readonly listener: string; readonly host: string };
  /** The host by which a sidecar's app calls a service. */
  readonly called: (service: string) => string;
  /** The port to which connections came that the kernel has redirected to an app's sidecar. */
  readonly redirectedPort?: (service: string) => number;
  /** The IP address from which a sidecar calls its app, where it is not the kernel's choice. */
  readonly toApp?: string;
  /** The host at which an Envoy reaches an address that a person wrote in the mesh file. */
  readonly outside: (address: string) => string;
  /** What a chain has for a filter, in place of a filter that a discovery server gives. */
  readonly entry: (filter: FilterPlan) => HttpFilter;
  /** Where an Envoy finds a secret of that name, in place of a discovery server. */
  readonly secret?: (name: string) => FileSource;
}

export interface MeshPlanOptions extends Trust {
  /** The run's folder, absolute: access logs go to `envoys/`, filters' files to `filters/`. */
  readonly directory: string;
  /** The mesh file's folder, absolute: commands run from there. */
  readonly home: string;
  /** A port for each name in `portNames`. */
  readonly ports: ReadonlyMap<string, number>;
  readonly modulePath: ModulePath;
  /** Default: everything is on 127.0.0.1, and access logs are files in the run's folder. */
  readonly places?: Places;
}

export interface Context extends MeshPlanOptions {
  readonly mesh: Mesh;
  /** Filters of Envoy's own whose settings its listeners have. */
  readonly fixed: ReadonlySet<FilterUse>;
}

/**
 * The ports that a mesh needs, by the names under which `planMesh` asks for them; the first is the
 * gateway's public one.
 */
export function portNames(mesh: Mesh): readonly string[] {
  return meshEnvoys(mesh).flatMap((envoy) => [
    ...envoy.hops.map((hop) => `${envoy.name} ${hop.name}`),
    ...(envoy.app === undefined && mesh.egress !== undefined ? [EGRESS_PORT] : []),
    `${envoy.name} admin`,
    ...(envoy.app === undefined ? [] : [`${envoy.name} app`]),
  ]);
}

/** Where an instance's app takes requests, and what it speaks. */
export function appAddress(context: Context, app: Instance): UpstreamAddress {
  return (
    appElsewhere(context, app) ??
    hopAddress(context.mesh.services[app.service], port(context, `${app.name} app`))
  );
}

/** The same for an app that the mesh does not start; undefined for one that it does. */
export function appElsewhere(context: Context, app: Instance): UpstreamAddress | undefined {
  const service = context.mesh.services[app.service];
  const parsed = app.url === undefined ? undefined : parseVersionUrl(app.url);
  if (!parsed?.ok) return undefined;
  const elsewhere = outside(context, parsed.value);
  if (speaksHttp2(service)) return { ...elsewhere, protocol: "http2" };
  return service?.protocol === "http1" ? { ...elsewhere, protocol: "http1" } : elsewhere;
}

/** Where other Envoys reach an instance's sidecar. */
export function sidecarAddress(context: Context, { service, name }: Instance): UpstreamAddress {
  const host = context.places?.sidecar(name);
  return hopAddress(context.mesh.services[service], port(context, `${name} inbound`), host);
}

/** The zone in which an Envoy of the mesh stands. */
export function callerZone(mesh: Mesh, { app }: MeshEnvoy): string | undefined {
  return app === undefined ? mesh.gateway.zone : app.zone;
}

function outside({ places }: Pick<Context, "places">, upstream: UpstreamAddress): UpstreamAddress {
  return places === undefined ? upstream : { ...upstream, address: places.outside(upstream.address) };
}

/** A listener or an app that takes requests for the service, in its protocol. */
export function hopAddress(
  service: MeshService | undefined,
  port: number,
  address = LOOPBACK,
): UpstreamAddress {
  return { address, port, ...(speaksHttp2(service) ? { protocol: "http2" } : {}) };
}

/** The URL at which a sidecar's app calls a service. */
export function outboundUrl(context: Context, sidecar: string, service: string): string {
  const host = context.places?.called(service) ?? LOOPBACK;
  const scheme = isTcp(context.mesh.services[service]) ? "tcp" : "http";
  return `${scheme}://${host}:${port(context, `${sidecar} ${outboundName(service)}`)}`;
}

/** The addresses of services that filters call, by name. */
export function servicesOf(
  services: Mesh["grpcServices"] | Mesh["httpServices"],
  context: Pick<Context, "places">,
): Readonly<Record<string, UpstreamAddress>> {
  return Object.fromEntries(
    Object.entries(services ?? {}).flatMap(([name, { url }]) => {
      const parsed = parseUpstreamUrl(url);
      return parsed.ok ? [[name, outside(context, parsed.value)]] : [];
    }),
  );
}

/** The port of that name. Throws where `portNames` has no such name. */
export function port(context: Context, name: string): number {
  const found = context.ports.get(name);
  if (found === undefined) throw new Error(`no port was given for "${name}"`);
  return found;
}

/** Whether anything in the mesh speaks TLS, so that certificates are needed. */
export function speaksTls(mesh: Mesh): boolean {
  const called = [mesh.grpcServices ?? {}, mesh.httpServices ?? {}].flatMap((each) => Object.values(each));
  const urls = [...allInstances(mesh), ...called].flatMap(({ url }) => url ?? []);
  return urls.some((url) => /^https:/i.test(url));
}
