// The filters of a mesh as resources: plugins of listeners' chains, and EnvoyFilters for clusters'.

import type { FilterUse } from "../../compose/filter-use.js";
import { isNative } from "../../compose/native-filters.js";
import type { Json } from "../../envoy/config/json.js";
import type { FilterImage } from "../input.js";
import type { Draft, IstioContext } from "./context.js";
import { clusterScopes, spokenAt } from "./existing.js";
import { clusterName, serviceHost } from "./hosts.js";
import { pluginResource } from "./plugin.js";
import { portOf } from "./ports.js";
import { type ClusterTarget, type UpstreamFilter, upstreamResource } from "./upstream.js";
import { portProtocol, versionPlaces } from "./versions.js";
import {
  isGateway,
  type PlacedPlugin,
  type PlacedUpstream,
  pluginsOf,
  type UpstreamChain,
  upstreamsOf,
  workloads,
} from "./workloads.js";

/** A WasmPlugin or TrafficExtension for each filter of each workload's listeners. */
export function pluginDrafts(context: IstioContext): readonly Draft[] {
  const { mesh, options } = context;
  return workloads(mesh).flatMap((envoy) => draftsOf(context, pluginsOf(mesh, envoy, options)));
}

export function draftsOf(context: IstioContext, plugins: readonly PlacedPlugin[]): readonly Draft[] {
  const { options, labels, strategy } = context;
  return plugins.flatMap((plugin) => {
    const { use } = plugin;
    if (isNative(use)) return [];
    return [
      {
        kind: "plugin",
        parts: pluginParts(plugin, plugins),
        make: (name: string) =>
          pluginResource(
            {
              name,
              plugin,
              config: configOf(context, use),
              image: imageOf(context, use),
              strategy,
              labels,
              place: context.placeOf(use),
            },
            options,
          ),
      },
    ];
  });
}

/** The same filter twice in a chain has a number. */
function pluginParts(plugin: PlacedPlugin, all: readonly PlacedPlugin[]): string[] {
  const { workload, service, use } = plugin;
  const twins = all.filter((each) => each.use.filter === use.filter && each.service === service);
  const number = twins.indexOf(plugin) + 1;
  return [
    ...(isGateway(workload) ? [""] : []),
    workload.name,
    ...(service === undefined ? [] : [service]),
    use.filter,
    ...(number > 1 ? [String(number)] : []),
  ];
}

function imageOf({ images }: IstioContext, { filter }: FilterUse): FilterImage {
  const image = images.get(filter);
  if (image === undefined) throw new Error(`no image was found for ${filter}`);
  return image;
}

/** The settings with Istio's names for the clusters that the filter calls. */
export function configOf({ called }: Pick<IstioContext, "called">, { descriptor, config }: FilterUse): Json {
  const places = [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])];
  return places.reduce<Json>((changed, { name, path }) => {
    const place = called.get(name);
    return place === undefined ? changed : withValue(changed, path, clusterName(place));
  }, config);
}

function withValue(value: Json, [key, ...rest]: readonly PropertyKey[], leaf: string): Json {
  if (key === undefined) return leaf;
  if (Array.isArray(value)) {
    return value.map((item, i) => (i === Number(key) ? withValue(item, rest, leaf) : item));
  }
  const entries = Object.entries((value ?? {}) as Readonly<Record<string, Json>>);
  return Object.fromEntries(
    entries.map(([name, below]) => [name, name === String(key) ? withValue(below, rest, leaf) : below]),
  );
}

/** An EnvoyFilter for the clusters of each called service, and one for the gateway. */
export function upstreamDrafts(context: IstioContext): readonly Draft[] {
  return upstreamsOf(context.mesh, context.options).map((placed) => upstreamDraft(context, placed));
}

function upstreamDraft(context: IstioContext, placed: PlacedUpstream): Draft {
  const { labels, strategy } = context;
  const { namespace } = placed.workload;
  // The same entry of the file in the same listener is one filter, whichever clusters it sees.
  const filters: { readonly key: string; readonly filter: UpstreamFilter }[] = [];
  const uses: FilterUse[] = [];
  const indexOf = (use: FilterUse, hop: string) => {
    if (!uses.includes(use)) uses.push(use);
    const key = `${hop} ${uses.indexOf(use)}`;
    const known = filters.findIndex((each) => each.key === key);
    if (known >= 0) return known;
    return filters.push({ key, filter: upstreamFilter(context, use) }) - 1;
  };
  const clusters = placed.chains.flatMap((chain) =>
    clustersOf(
      context,
      placed,
      chain,
      chain.uses.map(({ use, hop }) => indexOf(use, hop)),
    ),
  );
  return {
    kind: "EnvoyFilter",
    parts: upstreamName(placed),
    make: (name) =>
      upstreamResource({
        metadata: { name, namespace, labels },
        placed,
        filters: filters.map(({ filter }) => filter),
        clusters,
        strategy,
      }),
  };
}

function upstreamName({ context, chains }: PlacedUpstream): readonly string[] {
  if (context === "GATEWAY") return ["", "gateway", "attempts"];
  const service = chains[0]?.service ?? "";
  return context === "SIDECAR_INBOUND" ? [service, "app", "attempts"] : [service, "attempts"];
}

function upstreamFilter(context: IstioContext, use: FilterUse): UpstreamFilter {
  return {
    filter: use.filter,
    config: configOf(context, use),
    image: imageOf(context, use),
    place: context.placeOf(use),
  };
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
