// What header-routing's configuration says about destinations: which it can choose, and in which
// header it says so.

import type { Json } from "../envoy/config/json.js";
import { DESTINATION_HEADER } from "../envoy/config/route.js";
import type { FilterChain } from "../filters/catalog.js";
import type { HeaderRoutingConfig } from "../filters/header-routing/schema.js";

/** A filter and its settings, at one place. */
export interface FilterUse {
  readonly filter: string;
  readonly config: Json;
  /**
   * The chain that a person put it in. Default: the one that its settings ask for, see `chainOf`.
   */
  readonly chain?: FilterChain;
}

/** A destination's name and where in the filter's configuration it stands. */
export interface DestinationPlace {
  readonly destination: string;
  readonly path: readonly PropertyKey[];
}

/** The configuration of header-routing, or undefined where the filter is another one. */
export function headerRoutingOf(use: FilterUse): HeaderRoutingConfig | undefined {
  // The mesh schema has checked the configuration against this filter's own schema.
  return use.filter === "header-routing" ? (use.config as unknown as HeaderRoutingConfig) : undefined;
}

/** Every place that names a destination; none where the filter is not header-routing. */
export function destinationPlaces(use: FilterUse): DestinationPlace[] {
  const rules = headerRoutingOf(use)?.rules ?? [];
  return rules.flatMap((rule, i): DestinationPlace[] => [
    ...(rule.destination === undefined
      ? []
      : [{ destination: rule.destination, path: ["rules", i, "destination"] }]),
    ...(rule.split?.destinations ?? []).map((entry, j) => ({
      destination: entry.name,
      path: ["rules", i, "split", "destinations", j, "name"],
    })),
    ...(rule.split?.pins ?? []).map((pin, j) => ({
      destination: pin.destination,
      path: ["rules", i, "split", "pins", j, "destination"],
    })),
  ]);
}

/**
 * The header by which the last of these filters that chooses a destination says which; undefined
 * where none chooses.
 */
export function destinationHeader(uses: readonly FilterUse[]): string | undefined {
  const routing = uses.map(headerRoutingOf).findLast((config) => config !== undefined);
  return routing === undefined ? undefined : (routing.destinationHeader ?? DESTINATION_HEADER);
}
