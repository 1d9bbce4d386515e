// Filters for an `envoy.yaml` of the operator's own: what they need of it.

import { byChain, inChainOf } from "../../compose/chains.js";
import { choosesDestinations, destinationHeader, mirrorsOf } from "../../compose/destinations.js";
import { describeRoutes, entryOnPaths } from "../../compose/filter-paths.js";
import type { NamedUse } from "../../compose/front/plan.js";
import { outlierHeaders } from "../../compose/outlier-marks.js";
import { routersOwnHeaders } from "../../compose/retry-marks.js";
import { grpcClusters, httpServiceClusters, type Trust } from "../../compose/upstream-cluster.js";
import type { UpstreamAddress } from "../../compose/upstream-url.js";
import { MIRROR_HEADER } from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import { metricLabels } from "../../filters/catalog.js";
import type { FiltersInput } from "../input.js";
import type { FilterForm } from "./filters.js";
import type { Destination, PatchPlan } from "./patch/patch.js";

export interface OwnOptions extends Trust {
  readonly listener: string | undefined;
  readonly clusters: readonly string[] | undefined;
  readonly destinations: readonly Destination[];
  readonly grpcServices: Readonly<Record<string, UpstreamAddress>>;
  readonly httpServices: Readonly<Record<string, UpstreamAddress>>;
}

/** The filters with their names in the operator's Envoy: the same ones whenever it is patched. */
export function ownNames({ uses }: FiltersInput): readonly NamedUse[] {
  const counts = new Map<string, number>();
  return uses.map((use) => {
    const count = (counts.get(use.filter) ?? 0) + 1;
    counts.set(use.filter, count);
    return { ...use, name: `meshwright.${use.filter}${count === 1 ? "" : `.${count}`}` };
  });
}

export function patchPlan(uses: readonly NamedUse[], options: OwnOptions, form: FilterForm): PatchPlan {
  const { downstream, upstream } = byChain(uses);
  const entries = (chain: readonly NamedUse[]) => chain.map((use) => entryOnPaths(form.entry(use), use));
  return {
    listener: options.listener,
    chain: entries(downstream),
    attempts: (cluster) => entries(inChainOf(upstream, cluster)),
    entries: uses,
    choosers: uses
      .filter(choosesDestinations)
      .map((use) => ({ header: destinationHeader([use]) ?? "", paths: use.paths })),
    countsAttempts: upstream.length > 0,
    outlierHeaders: outlierHeaders(upstream),
    routersHeaders: routersOwnHeaders(uses),
    clusters: options.clusters,
    destinations: options.destinations,
    called: [
      ...grpcClusters(options.grpcServices, options),
      ...httpServiceClusters(options.httpServices, options),
    ],
    calls: [...new Set(uses.flatMap(calledNames))],
    needsNode: uses.some((use) => form.fileOf(use).length > 0),
    statsTags: statsTags(metricLabels(uses.map(({ descriptor }) => descriptor))),
  };
}

function calledNames({ descriptor, config }: NamedUse): readonly string[] {
  return [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])].map(
    ({ name }) => name,
  );
}

/** A line for each destination that a filter chooses and that no route leads to. */
export function unservedLines(
  uses: readonly NamedUse[],
  destinations: readonly Destination[],
): readonly string[] {
  const places = uses.flatMap(({ descriptor, config }) => descriptor.destinations?.(config) ?? []);
  const names = [...new Set(places.map(({ name }) => name))];
  return names
    .filter((name) => !destinations.some((each) => each.name === name))
    .map(
      (name) =>
        `no cluster is named for the destination "${name}": its requests stay where the routes send them; give --destination ${name}=CLUSTER`,
    );
}

/** A line where a filter names who gets copies, which the patched routes do not send. */
export function copyLines(uses: readonly NamedUse[]): readonly string[] {
  const names = Object.keys(mirrorsOf(uses, (name) => name));
  if (names.length === 0) return [];
  return [
    `nobody gets the copies for ${names.join(", ")}: add request_mirror_policies: [{ cluster_header: ${MIRROR_HEADER} }] to your routes, and name clusters in "mirror"`,
  ];
}

/** The line above a filter that is new in a chain. */
export function commentFor(uses: readonly NamedUse[]): (item: unknown) => string | undefined {
  return (item) => {
    const use = uses.find(({ name }) => name === (item as { readonly name?: unknown }).name);
    return use && `meshwright: ${use.descriptor.summary.replace(/\.$/, "")}${describeRoutes(use.paths)}`;
  };
}
