// Which Envoys a mesh has, and which listeners each of them: the shape of the mesh, before ports
// and files.

import { destinationHeader } from "../destinations.js";
import type { FilterUse } from "../filter-use.js";
import { GATEWAY, outboundName, versionName } from "./names.js";
import type { Mesh } from "./shape.js";

/**
 * One listener of one Envoy: a place that a request passes, with the filters that it meets there,
 * and those that its attempts meet behind it.
 */
export interface Hop {
  /**
   * `public` at the gateway, `inbound` before an app, as `outboundName` has it wherever a service
   * is called.
   */
  readonly name: string;
  readonly filters: readonly FilterUse[];
  readonly target: HopTarget;
}

/** Where a hop sends what it takes. */
type HopTarget =
  | {
      readonly kind: "routes";
      readonly routes: readonly { readonly prefix: string; readonly service: string }[];
    }
  | { readonly kind: "app" }
  | {
      readonly kind: "service";
      readonly service: string;
      /** The header that names the version; undefined where no filter before it chooses one. */
      readonly header: string | undefined;
    };

/** One Envoy of the mesh: the gateway, or the sidecar of one version of a service. */
export interface MeshEnvoy {
  /** `gateway`, or as `versionName` has it. */
  readonly name: string;
  readonly hops: readonly Hop[];
  /** Of a sidecar. */
  readonly app?: { readonly service: string; readonly version: string };
}

/** The gateway first, then the sidecars in the file's order. */
export function meshEnvoys(mesh: Mesh): readonly MeshEnvoy[] {
  return [gateway(mesh), ...sidecars(mesh)];
}

/**
 * The hops whose filters of the upstream chain see the attempts that are made behind this one: what
 * stands at the gateway's door sees those behind its outbound hops, since no attempt is repeated at
 * the door itself.
 */
export function attemptHops(envoy: MeshEnvoy, hop: Hop): readonly Hop[] {
  if (hop.target.kind === "routes") return [];
  return [...envoy.hops.filter(({ target }) => target.kind === "routes"), hop];
}

function gateway(mesh: Mesh): MeshEnvoy {
  const { routes, filters = [] } = mesh.gateway;
  const atTheDoor = [...meshWide(mesh, "gateway"), ...filters];
  const routed = [...new Set(routes.map((route) => route.service))];
  const door: Hop = { name: "public", filters: atTheDoor, target: { kind: "routes", routes } };
  // A version that a filter at the door has chosen still counts one listener later, inside the same
  // Envoy.
  return { name: GATEWAY, hops: [door, ...routed.map((service) => outbound(mesh, service, atTheDoor))] };
}

function sidecars(mesh: Mesh): MeshEnvoy[] {
  return Object.entries(mesh.services).flatMap(([service, { versions, calls = [] }]) =>
    Object.keys(versions).map((version) => ({
      name: versionName(service, version),
      app: { service, version },
      hops: [
        { name: "inbound", filters: meshWide(mesh, "inbound"), target: { kind: "app" as const } },
        ...calls.map((called) => outbound(mesh, called, [])),
      ],
    })),
  );
}

function outbound(mesh: Mesh, service: string, before: readonly FilterUse[]): Hop {
  const filters = [...meshWide(mesh, "outbound"), ...(mesh.services[service]?.filters ?? [])];
  return {
    name: outboundName(service),
    filters,
    target: { kind: "service", service, header: destinationHeader([...before, ...filters]) },
  };
}

function meshWide(mesh: Mesh, place: "gateway" | "inbound" | "outbound"): FilterUse[] {
  return (mesh.filters ?? []).filter((use) => use.at.includes(place));
}
