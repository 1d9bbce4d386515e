// What filters say about destinations: which they can choose, and in which header they name them.

import { DESTINATION_HEADER } from "../envoy/config/route.js";
import type { NamedPlace } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

/** Whether the filter chooses destinations. */
export function choosesDestinations({ descriptor, config }: FilterUse): boolean {
  return descriptor.destinations !== undefined && (descriptor.choosesDestination?.(config) ?? true);
}

/**
 * Every destination that the filter can choose or send copies to, with its place in the filter's
 * settings.
 */
export function destinationPlaces(use: FilterUse): readonly NamedPlace[] {
  return [...(use.descriptor.destinations?.(use.config) ?? []), ...mirrorPlaces(use)];
}

function mirrorPlaces({ descriptor, config }: FilterUse): readonly NamedPlace[] {
  return descriptor.mirrors?.(config) ?? [];
}

/** Who may get copies by what these filters say, from the names to the clusters. */
export function mirrorsOf(
  uses: readonly FilterUse[],
  clusterOf: (name: string) => string,
): Readonly<Record<string, string>> {
  const names = uses.flatMap(mirrorPlaces).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, clusterOf(name)]));
}

/**
 * The header in which the last of these filters that chooses a destination names it; undefined
 * where none chooses.
 */
export function destinationHeader(uses: readonly FilterUse[]): string | undefined {
  const last = uses.findLast(choosesDestinations);
  return last && (last.descriptor.destinationHeader?.(last.config) ?? DESTINATION_HEADER);
}
