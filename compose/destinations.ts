// What filters say about destinations: which they can choose, and in which header they name them.

import { DESTINATION_HEADER } from "../envoy/config/route.js";
import type { NamedPlace } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

/** Whether the filter chooses destinations. */
export function choosesDestinations({ descriptor, config }: FilterUse): boolean {
  return descriptor.destinations !== undefined && (descriptor.choosesDestination?.(config) ?? true);
}

/** Every destination that the filter can choose, with its place in the filter's settings. */
export function destinationPlaces({ descriptor, config }: FilterUse): readonly NamedPlace[] {
  return descriptor.destinations?.(config) ?? [];
}

/**
 * The header in which the last of these filters that chooses a destination names it; undefined
 * where none chooses.
 */
export function destinationHeader(uses: readonly FilterUse[]): string | undefined {
  const last = uses.findLast(choosesDestinations);
  return last && (last.descriptor.destinationHeader?.(last.config) ?? DESTINATION_HEADER);
}
