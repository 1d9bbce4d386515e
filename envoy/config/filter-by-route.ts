// A filter that only some routes have: it is disabled in its chain, and these routes enable it.
// Requests of other routes do not enter it and pay nothing for it.

import type { HttpFilter } from "./http-filter.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

/** What routes have for filters, by the filters' names: `typed_per_filter_config`. */
export type FilterConfigs = Readonly<Record<string, TypedConfig>>;

/** The same entry of a chain, which no request enters but those of routes that enable it. */
export function disabledByDefault<Filter extends HttpFilter>(
  filter: Filter,
): Filter & { readonly disabled: true } {
  return { ...filter, disabled: true };
}

/**
 * What a route has for a filter that is disabled in its chain. Without a configuration for the
 * route it is an empty message: Envoy refuses `disabled: false`, an `Empty` and a `Struct` here.
 */
export function enabledFilter(config: TypedConfig | Readonly<Record<string, never>> = {}): TypedConfig {
  return typedConfig("envoy.config.route.v3.FilterConfig", { config });
}
