// Where the parts of a mesh stand in containers: every version of a service has a pod, a network
// namespace that its app and its sidecar share, and every pod has the same ports.

import { discoveredFilter } from "../../envoy/config/wasm.js";
import { entryOnPaths } from "../filter-paths.js";
import { LOOPBACK } from "../listener-options.js";
import { EGRESS_PORT, type Places } from "../mesh/addresses.js";
import { GATEWAY } from "../mesh/names.js";
import type { Mesh } from "../mesh/shape.js";
import { meshEnvoys } from "../mesh/topology.js";
import { filterSource, secretFile, sourceOf } from "./sources.js";

/** Ports inside of the containers. Istio's sidecars use those of the Envoys. */
export const PORTS = {
  /** The gateway's public listener. */
  gateway: 10_000,
  /** Of each Envoy, on loopback alone: whoever reaches it controls the Envoy. */
  admin: 15_000,
  /** A sidecar's listener for other Envoys. */
  inbound: 15_006,
  /** Of each Envoy: readiness and statistics, to read only. */
  status: 15_021,
  /** The gateway's listener for the outside. */
  egress: 15_080,
  /** The gateway's listeners for services, on loopback. The first; the next ones follow. */
  gatewayOutbound: 20_000,
  /** A pod's listeners for called services, where rules lead to them. The first. */
  outbound: 20_000,
  /** Where an app listens, and where it calls others, unless the mesh file says a port. */
  app: 8080,
} as const;

const ANY = "0.0.0.0";
const ANY_FAMILY = "::";
/**
 * Databases believe whoever comes from 127.0.0.1. What a sidecar brings comes from others, and has
 * another address of loopback, the one that Istio uses.
 */
const TO_APP = "127.0.0.6";
/** The name by which containers know the machine that the engine runs on. */
const HOST = "host.docker.internal";
const PER_BLOCK = 250;

/** Whether an address of the mesh file means the machine that the mesh is started on. */
export function isOwnMachine(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.");
}

/**
 * The loopback address that stands for a called service in every pod. Each service has its own, so
 * that all of them can have the same port.
 */
export function calledAddress(mesh: Mesh, service: string): string {
  const index = Object.keys(mesh.services).indexOf(service);
  return `127.0.${1 + Math.floor(index / PER_BLOCK)}.${1 + (index % PER_BLOCK)}`;
}

/** Where apps of the service listen, and others call it. */
export function calledPort(mesh: Mesh, service: string): number {
  return mesh.services[service]?.port ?? PORTS.app;
}

export interface PlacesOptions {
  /**
   * Present where rules of the kernel lead the apps' connections to the sidecars: then an app may
   * listen on every address at the port of a service that it calls.
   */
  readonly rules?: { readonly ipv6: boolean };
}

export function containerPlaces(mesh: Mesh, { rules }: PlacesOptions = {}): Places {
  return {
    listener: (envoy, { target }) => {
      if (target.kind !== "service") return rules?.ipv6 && envoy !== GATEWAY ? ANY_FAMILY : ANY;
      return envoy === GATEWAY || rules !== undefined ? LOOPBACK : calledAddress(mesh, target.service);
    },
    ...(rules === undefined
      ? {}
      : { toApp: TO_APP, redirectedPort: (service: string) => calledPort(mesh, service) }),
    sidecar: (name) => name,
    egress: { listener: ANY, host: GATEWAY },
    called: (service) => service,
    outside: (address) => (isOwnMachine(address) ? HOST : address),
    entry: (filter) =>
      entryOnPaths(discoveredFilter(filter.name, { source: filterSource(filter.name) }), filter),
    secret: (name) => sourceOf(secretFile(name)),
  };
}

/** The ports by the names of `portNames`. */
export function containerPorts(mesh: Mesh, { rules }: PlacesOptions = {}): ReadonlyMap<string, number> {
  return new Map([
    [EGRESS_PORT, PORTS.egress],
    ...meshEnvoys(mesh).flatMap(({ name, hops, app }) => {
      const isGateway = app === undefined;
      const calls = hops.filter(({ target }) => target.kind === "service");
      return [
        [`${name} admin`, PORTS.admin] as const,
        [`${name} app`, calledPort(mesh, app?.service ?? "")] as const,
        ...hops.map((hop) => {
          const { target } = hop;
          if (target.kind === "routes") return [`${name} ${hop.name}`, PORTS.gateway] as const;
          if (target.kind === "app") return [`${name} ${hop.name}`, PORTS.inbound] as const;
          if (isGateway) return [`${name} ${hop.name}`, PORTS.gatewayOutbound + hops.indexOf(hop)] as const;
          const port =
            rules === undefined ? calledPort(mesh, target.service) : PORTS.outbound + calls.indexOf(hop);
          return [`${name} ${hop.name}`, port] as const;
        }),
      ];
    }),
  ]);
}
