// The filters of clusters' chains, which see each attempt, as EnvoyFilters.

import { isSameEntry } from "../../compose/filter-use.js";
import type { Json } from "../../envoy/config/json.js";
import type { Draft, IstioContext } from "./context.js";
import { clusterScopes, spokenAt } from "./existing.js";
import { appFilter, type ChainDraft, failureOf, fetched } from "./filter-parts.js";
import { serviceHost } from "./hosts.js";
import { portOf } from "./ports.js";
import { gatewayRoutePatches, type RoutedFilter, sidecarRoutePatches } from "./route-patches.js";
import { type ClusterTarget, upstreamResource } from "./upstream.js";
import { portProtocol, versionPlaces } from "./versions.js";
import { type PlacedUpstream, type UpstreamChain, type UpstreamUse, upstreamsOf } from "./workloads.js";

/** An EnvoyFilter for the clusters of each called service, and one for the gateway. */
export function upstreamDrafts(context: IstioContext): readonly Draft[] {
  return upstreamsOf(context.mesh, context.options).map((placed) => upstreamDraft(context, placed));
}

/** The EnvoyFilter of the cluster to an app; undefined where it has none. */
export function upstreamDraftOf(context: IstioContext, service: string): ChainDraft | undefined {
  const placed = upstreamsOf(context.mesh, context.options).find(
    ({ context: where, workload }) => where === "SIDECAR_INBOUND" && workload.name === service,
  );
  return placed && upstreamDraft(context, placed);
}

function upstreamDraft(context: IstioContext, placed: PlacedUpstream): ChainDraft {
  const { labels } = context;
  const { namespace } = placed.workload;
  const filters = distinctFilters(placed);
  const indexOf = ({ use, hop }: UpstreamUse) =>
    filters.findIndex((each) => each.hop === hop && isSameEntry(each.use, use));
  return {
    kind: "EnvoyFilter",
    parts: upstreamName(placed),
    beforeApp:
      placed.context === "SIDECAR_INBOUND"
        ? filters.flatMap(({ use }, i) => appFilter(use, i, namespace))
        : [],
    make: (name) =>
      upstreamResource({
        metadata: { name, namespace, labels },
        placed,
        filters: filters.map(({ use }) => fetched(context, use)),
        clusters: placed.chains.flatMap((chain) =>
          clustersOf(context, placed, chain, chain.uses.map(indexOf)),
        ),
        failure: failureOf(context),
        routes: (idOf) => upstreamRoutes(context, placed, filters, idOf),
      }),
  };
}

/** The same entry of the file in the same listener is one filter, whichever clusters it sees. */
function distinctFilters({ chains }: PlacedUpstream): readonly UpstreamUse[] {
  const all = chains.flatMap(({ uses }) => uses);
  const isSame = (one: UpstreamUse, other: UpstreamUse) =>
    one.hop === other.hop && isSameEntry(one.use, other.use);
  return all.filter((each, i) => all.findIndex((other) => isSame(other, each)) === i);
}

function upstreamRoutes(
  context: IstioContext,
  { context: where, chains }: PlacedUpstream,
  all: readonly UpstreamUse[],
  idOf: (index: number) => string,
): readonly Json[] {
  const isIn = (chain: UpstreamChain, { use, hop }: UpstreamUse) =>
    chain.uses.some((each) => each.hop === hop && isSameEntry(each.use, use));
  const filters = all.flatMap((each, i): RoutedFilter[] => {
    if (each.use.paths === undefined) return [];
    const services = chains.filter((chain) => isIn(chain, each)).map(({ service }) => service);
    return [{ id: idOf(i), use: each.use, services }];
  });
  if (filters.length === 0 || where === "SIDECAR_INBOUND") return [];
  return where === "GATEWAY"
    ? gatewayRoutePatches(context, filters)
    : chains.flatMap(({ service }) => sidecarRoutePatches(context, filters, service));
}

function upstreamName({ context, chains }: PlacedUpstream): readonly string[] {
  if (context === "GATEWAY") return ["", "gateway", "attempts"];
  const service = chains[0]?.service ?? "";
  return context === "SIDECAR_INBOUND" ? [service, "app", "attempts"] : [service, "attempts"];
}

/** The clusters of a service: its own of all versions, and those of versions elsewhere. */
function clustersOf(
  context: IstioContext,
  { context: where }: PlacedUpstream,
  { service }: UpstreamChain,
  chain: readonly number[],
): readonly ClusterTarget[] {
  const { mesh, options, existing } = context;
  const spoken = portProtocol(mesh.services[service]) === "http" ? "http1" : "http2";
  const { port, target } = portOf(options.ports, service);
  if (where === "SIDECAR_INBOUND") {
    const scopes = [{ common: {}, upstream: {} }];
    return [{ match: { portNumber: target }, protocol: spoken, scopes, chain }];
  }
  const host = serviceHost(service, options);
  const elsewhere = versionPlaces(context, service).flatMap((each) => each.elsewhere ?? []);
  const protocol = spokenAt(service, options.namespace, port, existing) ?? spoken;
  const scopes = clusterScopes(host, options.namespace, existing);
  return [
    { match: { service: host }, protocol, scopes, chain },
    ...elsewhere.map((place) => ({
      match: { service: place.host },
      protocol: place.external?.protocol ?? spoken,
      scopes: clusterScopes(place.host, options.namespace, existing),
      chain,
    })),
  ];
}
