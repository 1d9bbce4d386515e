// The shape of a mesh, without ports and files: its Envoys, and the listeners of each.

import { choosesDestinations } from "../destinations.js";
import type { FilterUse } from "../filter-use.js";
import { accessUses } from "./access-filter.js";
import { type GatewayRoute, type MeshUse, onItsPaths, routeName } from "./filter-routes.js";
import { GATEWAY, outboundName, versionName } from "./names.js";
import { isTcp } from "./protocols.js";
import type { Mesh, MeshVersion } from "./shape.js";

/**
 * One listener of one Envoy: a place that a request passes, with the filters that it passes there,
 * and those that its attempts pass behind it.
 */
export interface Hop {
  /**
   * `public` at the gateway, `inbound` before an app, and the name that `outboundName` gives
   * wherever a service is called.
   */
  readonly name: string;
  readonly filters: readonly FilterUse[];
  readonly target: HopTarget;
}

/** Where a hop sends its requests. */
type HopTarget =
  | {
      readonly kind: "routes";
      readonly routes: readonly {
        readonly name: string;
        readonly prefix: string;
        readonly service: string;
      }[];
    }
  | { readonly kind: "app" }
  | ServiceTarget;

/** A hop through which a service is called. */
export interface ServiceTarget {
  readonly kind: "service";
  readonly service: string;
  /** The filters that may choose the version, in their order. */
  readonly choosers: readonly FilterUse[];
}

/** One Envoy of the mesh: the gateway, or the sidecar of one version of a service. */
export interface MeshEnvoy {
  /** `gateway`, or the name that `versionName` gives. */
  readonly name: string;
  readonly hops: readonly Hop[];
  /** The service and version behind a sidecar. */
  readonly app?: { readonly service: string; readonly version: string };
}

/** The gateway first, then the sidecars in the file's order. */
export function meshEnvoys(mesh: Mesh): readonly MeshEnvoy[] {
  return [gateway(mesh), ...sidecars(mesh)];
}

/**
 * The hops whose filters of the upstream chain see the attempts that are made behind this hop.
 * Filters at the gateway's public listener see the attempts behind its outbound hops, because the
 * public listener itself repeats nothing.
 */
export function attemptHops(envoy: MeshEnvoy, hop: Hop): readonly Hop[] {
  if (hop.target.kind === "routes") return [];
  return [...envoy.hops.filter(({ target }) => target.kind === "routes"), hop];
}

function gateway(mesh: Mesh): MeshEnvoy {
  const { routes, filters = [] } = mesh.gateway;
  const atTheDoor = [...meshWide(mesh, "gateway"), ...scoped(mesh, filters)];
  const routed = [...new Set(routes.map((route) => route.service))];
  const named = routes.map((route) => ({ ...route, name: routeName(route) }));
  const door: Hop = { name: "public", filters: atTheDoor, target: { kind: "routes", routes: named } };
  // A version that a filter at the public listener has chosen still counts at the next listener of
  // the same Envoy.
  return { name: GATEWAY, hops: [door, ...routed.map((service) => outbound(mesh, service, atTheDoor))] };
}

function sidecars(mesh: Mesh): MeshEnvoy[] {
  return Object.entries(mesh.services).flatMap(([service, { versions, calls = [] }]) =>
    Object.entries(versions).map(([version, how]) => ({
      name: versionName(service, version),
      app: { service, version },
      hops: [
        ...(takesRequests(mesh, service, how) ? [inbound(mesh, service, version)] : []),
        ...calls.map((called) => outbound(mesh, called, [])),
      ],
    })),
  );
}

/** A service of compose without a port only calls others. */
function takesRequests(mesh: Mesh, service: string, how: MeshVersion): boolean {
  return !("compose" in how) || mesh.services[service]?.port !== undefined;
}

function inbound(mesh: Mesh, service: string, version: string): Hop {
  const filters = isTcp(mesh.services[service])
    ? []
    : [...accessUses(mesh, service, versionName(service, version)), ...meshWide(mesh, "inbound")];
  return { name: "inbound", filters, target: { kind: "app" } };
}

function outbound(mesh: Mesh, service: string, before: readonly FilterUse[]): Hop {
  const called = mesh.services[service];
  // No filter of the mesh reads connections that are not HTTP.
  const filters = isTcp(called)
    ? []
    : [...meshWide(mesh, "outbound"), ...scoped(mesh, called?.filters ?? [])];
  return {
    name: outboundName(service),
    filters,
    target: { kind: "service", service, choosers: [...before, ...filters].filter(choosesDestinations) },
  };
}

function meshWide(mesh: Mesh, place: "gateway" | "inbound" | "outbound"): FilterUse[] {
  return scoped(
    mesh,
    (mesh.filters ?? []).filter((use) => use.at.includes(place)),
  );
}

function scoped(mesh: Mesh, uses: readonly MeshUse[]): FilterUse[] {
  const routes: readonly GatewayRoute[] = mesh.gateway.routes;
  return uses.map((use) => onItsPaths(use, routes));
}
