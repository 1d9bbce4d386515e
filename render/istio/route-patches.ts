// The routes on which filters that are disabled in their chains run.

import { type NamedEntry, runsAt } from "../../compose/filter-paths.js";
import type { FilterUse } from "../../compose/filter-use.js";
import type { FilterConfigs } from "../../envoy/config/filter-by-route.js";
import type { Json } from "../../envoy/config/json.js";
import { enabledWasmFilter } from "../../envoy/config/wasm.js";
import type { IstioContext } from "./context.js";
import type { PatchContext } from "./envoy-filter.js";
import { serviceHost } from "./hosts.js";
import { portOf } from "./ports.js";
import { gatewayRoutes, serviceRoutes } from "./routes.js";

/** A filter that is disabled in its chain. */
export interface RoutedFilter {
  /** Its name in Envoy. */
  readonly id: string;
  readonly use: FilterUse;
  /** It runs on the routes to these alone. Undefined: on those to all. */
  readonly services: readonly string[] | undefined;
}

/** For the routes of the gateway, which a VirtualService names. */
export function gatewayRoutePatches(
  context: IstioContext,
  filters: readonly RoutedFilter[],
): readonly Json[] {
  return gatewayRoutes(context).flatMap(({ service, part, name }) =>
    mergeInto("GATEWAY", { vhost: { route: { name } } }, enabledAt(entriesOf(filters, service), part)),
  );
}

/** For the routes to a service that sidecars call. */
export function sidecarRoutePatches(
  context: IstioContext,
  filters: readonly RoutedFilter[],
  service: string,
): readonly Json[] {
  const { options } = context;
  const entries = entriesOf(filters, service);
  const host = `${serviceHost(service, options)}:${portOf(options.ports, service).port}`;
  if (filters.every(({ use }) => use.paths === undefined)) {
    return mergeInto("SIDECAR_OUTBOUND", { vhost: { name: host } }, enabledAt(entries, "/"));
  }
  return serviceRoutes(context, service).flatMap(({ part, name }) => {
    const match = { vhost: { name: host, route: { name } } };
    return mergeInto("SIDECAR_OUTBOUND", match, enabledAt(entries, part));
  });
}

/** What the routes of a part of the paths have for filters of ours. */
export function enabledAt(entries: readonly NamedEntry[], part: string): FilterConfigs {
  const running = entries.filter((entry) => runsAt(entry, part));
  return Object.fromEntries(running.map(({ name }) => [name, enabledWasmFilter()]));
}

function entriesOf(filters: readonly RoutedFilter[], service: string | undefined): readonly NamedEntry[] {
  return filters
    .filter(({ services }) => service === undefined || (services ?? [service]).includes(service))
    .map(({ id, use: { paths = [{ prefix: "/" }] } }) => ({ name: id, paths }));
}

/** A patch for what matches; none where it has nothing to enable. */
export function mergeInto(
  context: PatchContext,
  routeConfiguration: Readonly<Record<string, Json>>,
  configs: FilterConfigs,
): readonly Json[] {
  if (Object.keys(configs).length === 0) return [];
  const { vhost } = routeConfiguration as { readonly vhost?: { readonly route?: Json } };
  return [
    {
      applyTo: vhost?.route === undefined ? "VIRTUAL_HOST" : "HTTP_ROUTE",
      match: { context, routeConfiguration },
      patch: { operation: "MERGE", value: { typed_per_filter_config: configs as unknown as Json } },
    },
  ];
}
