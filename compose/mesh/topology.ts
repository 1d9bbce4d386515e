// The shape of a mesh, without ports and files: its Envoys, and the listeners of each.

import { choosesDestinations } from "../destinations.js";
import type { FilterUse } from "../filter-use.js";
import { isNative } from "../native-filters.js";
import { accessUses } from "./access-filter.js";
import { type GatewayRoute, type MeshUse, onItsPaths, routeName } from "./filter-routes.js";
import { allInstances, type Instance } from "./instances.js";
import { GATEWAY, outboundName } from "./names.js";
import { isTcp } from "./protocols.js";
import type { Mesh } from "./shape.js";

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
      readonly routes: readonly (GatewayRoute & { readonly name: string })[];
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
  /** `gateway`, or the instance's name. */
  readonly name: string;
  readonly hops: readonly Hop[];
  /** What stands behind a sidecar. */
  readonly app?: Instance;
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
  return allInstances(mesh).map((app) => ({
    name: app.name,
    app,
    hops: [
      ...(takesRequests(mesh, app) ? [inbound(mesh, app)] : []),
      ...(mesh.services[app.service]?.calls ?? []).map((called) => outbound(mesh, called, [])),
    ],
  }));
}

/** A service of compose without a port only calls others. */
function takesRequests(mesh: Mesh, { service, version }: Instance): boolean {
  const { versions = {}, port } = mesh.services[service] ?? {};
  return port !== undefined || !("compose" in (versions[version] ?? {}));
}

function inbound(mesh: Mesh, app: Instance): Hop {
  const filters = isTcp(mesh.services[app.service])
    ? []
    : [...accessUses(mesh, app.service, app.name), ...meshWide(mesh, "inbound")];
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

/** The names of the mesh's filters that are modules, each once. */
export function wasmFilters(mesh: Mesh): string[] {
  const hops = meshEnvoys(mesh).flatMap((envoy) => envoy.hops);
  const uses = hops.flatMap((hop) => hop.filters).filter((use) => !isNative(use));
  return [...new Set(uses.map((use) => use.filter))];
}
