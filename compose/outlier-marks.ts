// Filters of a cluster's chain tell outlier detection by response headers that a host has failed.

import type { FilterUse } from "./filter-use.js";

/** The headers of the filters of one chain, each once. */
export function outlierHeaders(uses: readonly FilterUse[]): readonly string[] {
  return [...new Set(uses.flatMap(({ descriptor, config }) => descriptor.outlierHeaders?.(config) ?? []))];
}
