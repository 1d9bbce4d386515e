// The proxies of a mesh as Istio has them: one chain for each workload and direction, where `up`
// has a listener for each service.

import { byChain } from "../../compose/chains.js";
import { type FilterUse, isSameEntry } from "../../compose/filter-use.js";
import type { Mesh } from "../../compose/mesh/shape.js";
import { attemptHops, type Hop, type MeshEnvoy, meshEnvoys } from "../../compose/mesh/topology.js";
import type { IstioOptions } from "./options.js";
import { portOf } from "./ports.js";

/** The pods that a resource selects. */
export interface Workload {
  /** A part of resources' names: the service, or `gateway`. */
  readonly name: string;
  readonly namespace: string;
  /** Undefined: every workload of the namespace. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

export interface TrafficMatch {
  readonly mode: "CLIENT" | "SERVER";
  readonly ports: readonly number[];
}

/** A filter in the listeners' chain of a workload. */
export interface PlacedPlugin {
  readonly use: FilterUse;
  readonly workload: Workload;
  readonly matches: readonly TrafficMatch[];
  /** The place in the workload's chain, from 0. */
  readonly position: number;
  /** The service whose filter it is, where it is not one of the whole mesh or of the gateway. */
  readonly service: string | undefined;
  /** Whether it stands where requests enter the mesh. */
  readonly isDoor: boolean;
  /** Whether its listener has requests to other services too, which it must not see. */
  readonly isShared: boolean;
}

/** Whether it must not see every request of its listener. */
export function isByRoute({ use, isShared }: Pick<PlacedPlugin, "use" | "isShared">): boolean {
  return use.paths !== undefined || isShared;
}

/** Clusters' chains, whose filters see each attempt. */
export interface PlacedUpstream {
  readonly workload: Workload;
  readonly context: "SIDECAR_OUTBOUND" | "SIDECAR_INBOUND" | "GATEWAY";
  readonly chains: readonly UpstreamChain[];
}

/** The chain of the clusters of one service that is called, or of its app. */
export interface UpstreamChain {
  readonly service: string;
  /** A use that is in several chains is one filter, which sees the attempts of all of them. */
  readonly uses: readonly UpstreamUse[];
}

export interface UpstreamUse {
  readonly use: FilterUse;
  /** The listener that it belongs to. */
  readonly hop: string;
}

/** One proxy for the gateway and one for each service: versions of a service have the same. */
export function workloads(mesh: Mesh): readonly MeshEnvoy[] {
  const seen = new Set<string>();
  return meshEnvoys(mesh).filter(({ app }) => {
    if (app === undefined) return true;
    const isFirst = !seen.has(app.service);
    seen.add(app.service);
    return isFirst;
  });
}

export function workloadOf({ app }: MeshEnvoy, options: IstioOptions): Workload {
  if (app === undefined) return gatewayWorkload(options);
  return appWorkload(app.service, options);
}

/** Stands for every workload that calls a service. No service of a file has this name. */
export const ANY_CALLER = "*";

export function appWorkload(service: string, { namespace, labels }: IstioOptions): Workload {
  if (service === ANY_CALLER) return { name: "callers", namespace, labels: undefined };
  return { name: service, namespace, labels: { [labels.app]: service } };
}

/** Whether it is the gateway's, and not that of a service of the same name. */
export function isGateway({ labels }: Workload): boolean {
  return labels !== undefined && Object.hasOwn(labels, GATEWAY_LABEL);
}

/** The label by which Istio's gateways are known. */
const GATEWAY_LABEL = "istio";

export function gatewayWorkload({ gateway }: IstioOptions): Workload {
  return { name: "gateway", namespace: gateway.namespace, labels: { [GATEWAY_LABEL]: gateway.name } };
}

/** The filters of a workload's listeners, in the order of its chain. */
export function pluginsOf(mesh: Mesh, envoy: MeshEnvoy, options: IstioOptions): readonly PlacedPlugin[] {
  const entries: Omit<PlacedPlugin, "workload" | "position">[] = [];
  for (const hop of envoy.hops) {
    const isDoor = hop.target.kind === "routes";
    for (const use of byChain(hop.filters).downstream) {
      // What the gateway's public listener has, and its listeners for services have again, works
      // twice there.
      const known = entries.findIndex((each) => isSameEntry(each.use, use) && each.isDoor === isDoor);
      const matches = [...(entries[known]?.matches ?? []), matchOf(envoy, hop, options)];
      const service = serviceOf(hop, use);
      const isShared = service !== undefined && isSharedListener(envoy, service, options);
      const entry = { use, matches, service, isDoor, isShared };
      if (known < 0) entries.push(entry);
      else entries[known] = entry;
    }
  }
  const workload = workloadOf(envoy, options);
  const order = envoy.app === undefined ? entries : inOrder(mesh, entries);
  return order.map((entry, position) => ({ ...entry, matches: merged(entry.matches), workload, position }));
}

/** Whether more services than this one are called through its listener. */
function isSharedListener({ app, hops }: MeshEnvoy, service: string, { ports }: IstioOptions): boolean {
  const listenerOf = (name: string) => (app === undefined ? "gateway" : portOf(ports, name).port);
  return hops.some(
    ({ target }) =>
      target.kind === "service" &&
      target.service !== service &&
      listenerOf(target.service) === listenerOf(service),
  );
}

/** Filters of the whole mesh in the file's order, whichever hop named them first; then others. */
function inOrder<Entry extends { readonly use: FilterUse }>(
  { filters = [] }: Mesh,
  entries: readonly Entry[],
): readonly Entry[] {
  const rank = ({ use }: Entry) => {
    const index = filters.findIndex((each) => isSameEntry(each, use));
    return index < 0 ? filters.length : index;
  };
  return entries.toSorted((a, b) => rank(a) - rank(b));
}

/** A filter of the whole mesh says where it stands, and a service's own does not. */
function serviceOf({ target }: Hop, use: FilterUse): string | undefined {
  return target.kind !== "service" || "at" in use ? undefined : target.service;
}

function matchOf({ app }: MeshEnvoy, { target }: Hop, { ports, gateway }: IstioOptions): TrafficMatch {
  // A gateway has one listener, which all services share.
  if (app === undefined || target.kind === "routes") {
    return { mode: "CLIENT", ports: gateway.ports.listeners };
  }
  if (target.kind === "app") return { mode: "SERVER", ports: [portOf(ports, app.service).target] };
  return { mode: "CLIENT", ports: [portOf(ports, target.service).port] };
}

/** One match for each direction, with each port once. */
function merged(matches: readonly TrafficMatch[]): readonly TrafficMatch[] {
  return (["SERVER", "CLIENT"] as const).flatMap((mode) => {
    const ports = matches.filter((match) => match.mode === mode).flatMap((match) => match.ports);
    return ports.length === 0 ? [] : [{ mode, ports: [...new Set(ports)].sort((a, b) => a - b) }];
  });
}

/** The clusters' chains of all workloads; those of sidecars hold for the whole namespace. */
export function upstreamsOf(mesh: Mesh, options: IstioOptions): readonly PlacedUpstream[] {
  const found = new Map<string, PlacedUpstream>();
  for (const envoy of workloads(mesh)) {
    for (const hop of envoy.hops) {
      const uses = attemptHops(envoy, hop).flatMap(({ name, filters }) =>
        byChain(filters).upstream.map((use) => ({ use, hop: name })),
      );
      const service = serviceBehind(envoy, hop);
      if (uses.length === 0 || service === undefined) continue;
      const { key, ...placed } = upstreamPlace(envoy, hop, service, options);
      const chains = found.get(key)?.chains.filter((chain) => chain.service !== service) ?? [];
      found.set(key, { ...placed, chains: [...chains, { service, uses }] });
    }
  }
  return [...found.values()];
}

function serviceBehind({ app }: MeshEnvoy, { target }: Hop): string | undefined {
  if (target.kind === "app") return app?.service;
  return target.kind === "service" ? target.service : undefined;
}

/** The gateway's clusters have one resource, because they may share filters. */
function upstreamPlace({ app }: MeshEnvoy, { target }: Hop, service: string, options: IstioOptions) {
  if (app === undefined) {
    return { key: "gateway", workload: gatewayWorkload(options), context: "GATEWAY" as const };
  }
  if (target.kind === "app") {
    return {
      key: `inbound ${service}`,
      workload: appWorkload(service, options),
      context: "SIDECAR_INBOUND" as const,
    };
  }
  const callers = { name: "callers", namespace: options.namespace, labels: undefined };
  return { key: `outbound ${service}`, workload: callers, context: "SIDECAR_OUTBOUND" as const };
}
