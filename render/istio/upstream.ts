// Filters of a cluster's chain, which see each attempt. Istio has no resource for them, so an
// EnvoyFilter adds them in two steps: a resource that the agent fetches, and the cluster's options.

import { describeRoutes } from "../../compose/filter-paths.js";
import { outlierHeaders } from "../../compose/outlier-marks.js";
import { httpProtocolOptions, type ProtocolOptions } from "../../envoy/config/cluster.js";
import type { Json } from "../../envoy/config/json.js";
import type { Metadata, Note, Resource } from "../resource.js";
import { envoyFilter } from "./envoy-filter.js";
import type { ClusterScope, Spoken } from "./existing.js";
import {
  addExtension,
  type Failure,
  type FetchedFilter,
  fetchComment,
  filterId,
  reference,
} from "./extension.js";
import { hasErrorMatcher } from "./version.js";
import type { PlacedUpstream } from "./workloads.js";

/** Clusters with one chain. */
export interface ClusterTarget {
  readonly match: Readonly<Record<string, Json>>;
  readonly protocol: Spoken;
  readonly scopes: readonly ClusterScope[];
  /** Indexes of filters, in the order of the chain. */
  readonly chain: readonly number[];
}

export interface UpstreamParts {
  readonly metadata: Metadata & { readonly namespace: string };
  readonly placed: PlacedUpstream;
  readonly filters: readonly FetchedFilter[];
  readonly clusters: readonly ClusterTarget[];
  readonly failure: Failure;
  /** The patches that enable filters on routes. */
  readonly routes: (idOf: (index: number) => string) => readonly Json[];
}

export function upstreamResource(parts: UpstreamParts): Resource {
  const { metadata, placed, filters, clusters, failure, routes } = parts;
  const idOf = (i: number) => filterId(metadata, i, filters[i]?.use.filter ?? "");
  const adds = filters.map((filter, i) => addExtension(idOf(i), filter, failure));
  const merges = clusters.flatMap((cluster) => {
    const chain = cluster.chain.map((i) => reference(idOf(i), filters[i]?.use.paths !== undefined));
    const seen = cluster.chain.flatMap((i) => filters[i]?.use ?? []);
    const marks = hasErrorMatcher(failure.minor) ? outlierHeaders(seen) : [];
    const options = { filters: chain, outlierHeaders: marks };
    return cluster.scopes.map((scope) => mergeCluster(placed.context, cluster, scope, options));
  });
  return envoyFilter({
    metadata,
    workload: placed.workload.labels,
    patches: [...adds, ...merges, ...routes(idOf)],
    comment: [
      `${filters.map(({ use }) => use.filter).join(", ")}, for each attempt ${whose(placed)}.`,
      ...filters.map(({ use, place }) => `${use.filter} is from ${place}${describeRoutes(use.paths)}.`),
      fetchComment("attempt", failure),
    ],
    notes: [replacedNote(adds.length)],
  });
}

function whose({ context, chains }: PlacedUpstream): string {
  const services = chains.map(({ service }) => service).join(", ");
  if (context === "SIDECAR_INBOUND") return `that reaches the app of ${services}`;
  return context === "GATEWAY" ? `of the gateway to ${services}` : `of a sidecar to ${services}`;
}

function replacedNote(index: number): Note {
  return {
    path: ["spec", "configPatches", index],
    text: "This replaces the HTTP options that Istio writes into the cluster. They are written again here: what the port speaks, and the settings of a DestinationRule that was given by --cluster. When those change, render again.",
  };
}

function mergeCluster(
  context: string,
  { match, protocol }: ClusterTarget,
  scope: ClusterScope,
  chain: Pick<ProtocolOptions, "filters" | "outlierHeaders">,
): Json {
  const { subset, portNumber, common, upstream } = scope;
  const more = {
    ...(Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common }),
    ...(Object.keys(upstream).length === 0 ? {} : { upstream_http_protocol_options: upstream }),
  };
  const options = httpProtocolOptions({ protocol: scope.protocol ?? protocol, ...chain }, more);
  return {
    applyTo: "CLUSTER",
    match: {
      context,
      cluster: {
        ...match,
        ...(subset === undefined ? {} : { subset }),
        ...(portNumber === undefined ? {} : { portNumber }),
      },
    },
    patch: { operation: "MERGE", value: { typed_extension_protocol_options: options as unknown as Json } },
  };
}
