// The filters of listeners' chains as resources: plugins, or an EnvoyFilter for a workload.

import type { MeshEnvoy } from "../../compose/mesh/topology.js";
import { isNative } from "../../compose/native-filters.js";
import type { Json } from "../../envoy/config/json.js";
import type { Draft, IstioContext } from "./context.js";
import { appFilter, type ChainDraft, failureOf, fetched } from "./filter-parts.js";
import { listenerChainResource } from "./listener-chain.js";
import { pluginResource } from "./plugin.js";
import { portOf } from "./ports.js";
import { gatewayRoutePatches, type RoutedFilter, sidecarRoutePatches } from "./route-patches.js";
import { isByRoute, isGateway, type PlacedPlugin, pluginsOf, workloads } from "./workloads.js";

/**
 * The filters of each workload's listeners: a WasmPlugin or TrafficExtension for each of them, or
 * an EnvoyFilter for all, where some are for some routes alone.
 */
export function listenerFilterDrafts(context: IstioContext): readonly Draft[] {
  return workloads(context.mesh).flatMap((envoy) => {
    const chain = chainDraftOf(context, envoy);
    return chain === undefined ? pluginDrafts(context, pluginsIn(context, envoy)) : [chain];
  });
}

function pluginsIn({ mesh, options }: IstioContext, envoy: MeshEnvoy): readonly PlacedPlugin[] {
  return pluginsOf(mesh, envoy, options).filter(({ use }) => !isNative(use));
}

function pluginDrafts(context: IstioContext, plugins: readonly PlacedPlugin[]): readonly Draft[] {
  const { options, labels, strategy } = context;
  return plugins.map((plugin) => ({
    kind: "plugin",
    parts: pluginParts(plugin, plugins),
    make: (name) =>
      pluginResource({ name, plugin, ...fetched(context, plugin.use), strategy, labels }, options),
  }));
}

/** The EnvoyFilter of a workload's listeners; undefined where WasmPlugins do. */
export function chainDraftOf(context: IstioContext, envoy: MeshEnvoy): ChainDraft | undefined {
  const { options, labels } = context;
  const plugins = pluginsIn(context, envoy);
  const { workload } = plugins[0] ?? {};
  if (workload === undefined || !plugins.some(isByRoute)) return undefined;
  const { namespace } = workload;
  return {
    kind: "EnvoyFilter",
    parts: [...(isGateway(workload) ? [""] : []), workload.name, "filters"],
    beforeApp: plugins.flatMap(({ use, matches }, i) =>
      matches.some(({ mode }) => mode === "SERVER") ? appFilter(use, i, namespace) : [],
    ),
    make: (name) =>
      listenerChainResource({
        metadata: { name, namespace, labels },
        filters: plugins.map((plugin) => ({ plugin, ...fetched(context, plugin.use) })),
        phase: options.phase,
        failure: failureOf(context),
        routes: (idOf) => pluginRoutes(context, envoy, plugins, idOf),
      }),
  };
}

function pluginRoutes(
  context: IstioContext,
  { app, hops }: MeshEnvoy,
  plugins: readonly PlacedPlugin[],
  idOf: (index: number) => string,
): readonly Json[] {
  const called = hops.flatMap(({ target }) => (target.kind === "service" ? [target.service] : []));
  const portsOf = ({ matches }: PlacedPlugin) =>
    matches.flatMap(({ mode, ports }) => (mode === "CLIENT" ? ports : []));
  const isAt = (plugin: PlacedPlugin, service: string) =>
    portsOf(plugin).includes(portOf(context.options.ports, service).port);
  const servicesOf = (plugin: PlacedPlugin) => {
    if (plugin.isShared) return [plugin.service ?? ""];
    return app === undefined ? undefined : called.filter((service) => isAt(plugin, service));
  };
  const filters = plugins.flatMap((plugin, i): RoutedFilter[] =>
    isByRoute(plugin) ? [{ id: idOf(i), use: plugin.use, services: servicesOf(plugin) }] : [],
  );
  return app === undefined
    ? gatewayRoutePatches(context, filters)
    : called.flatMap((service) => sidecarRoutePatches(context, filters, service));
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
