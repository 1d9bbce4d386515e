// The filters that come with meshwright, by the name that configuration files and the command line
// use.

import { MeshwrightError } from "../envoy/errors.js";
import { nearest } from "../envoy/problems.js";
import circuitBreaker from "./circuit-breaker/descriptor.js";
import deadline from "./deadline/descriptor.js";
import type { FilterDescriptor } from "./descriptor.js";
import fallback from "./fallback/descriptor.js";
import faultInjection from "./fault-injection/descriptor.js";
import headerRouting from "./header-routing/descriptor.js";
import rateLimit from "./rate-limit/descriptor.js";
import retryBudget from "./retry-budget/descriptor.js";
import traceHeaders from "./trace-headers/descriptor.js";

export const FILTERS: readonly FilterDescriptor[] = [
  headerRouting,
  faultInjection,
  retryBudget,
  circuitBreaker,
  rateLimit,
  traceHeaders,
  deadline,
  fallback,
];

/** Whether the catalog has a filter of that name. */
export function isCatalogName(name: string): boolean {
  return FILTERS.some((filter) => filter.name === name);
}

/**
 * The filter of that name. Throws `MeshwrightError("build")`, which lists the names of all filters.
 */
export function findFilter(name: string): FilterDescriptor {
  const found = FILTERS.find((filter) => filter.name === name);
  if (found !== undefined) return found;
  throw unknownFilter(name);
}

/** The error that lists all filters, the nearest first. `own` are those of the author's package. */
export function unknownFilter(name: string, own: readonly string[] = []): MeshwrightError {
  const names = [...FILTERS.map((filter) => filter.name), ...own];
  const near = nearest(name, names);
  const meant = near === undefined ? "" : `did you mean "${near}"? `;
  return new MeshwrightError(
    "build",
    `there is no filter "${name}"; ${meant}the filters are: ${names.join(", ")}`,
  );
}

/** The labels of the metrics of all filters in the catalog, and of `more`. Each once. */
export function metricLabels(more: readonly FilterDescriptor[] = []): readonly string[] {
  return [...new Set([...FILTERS, ...more].flatMap((filter) => filter.metricLabels ?? []))];
}
