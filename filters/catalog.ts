// The filters that come with meshwright, by the name that configuration files and the command line
// use.

import type { z } from "zod";
import { MeshwrightError } from "../envoy/errors.js";
import { type FaultInjectionConfig, faultInjectionSchema } from "./fault-injection/schema.js";
import { headerRoutingSchema } from "./header-routing/schema.js";
import { rateLimitSchema } from "./rate-limit/schema.js";
import { type RetryBudgetConfig, retryBudgetSchema } from "./retry-budget/schema.js";
import { traceHeadersSchema } from "./trace-headers/schema.js";

/**
 * Where a filter stands: in a listener's chain, which sees each request once, or in a cluster's,
 * which sees each attempt.
 */
export type FilterChain = "downstream" | "upstream";

/** One filter of the house. */
export interface FilterRoom {
  /** Its folder below `filters/`, its module's name and its name in configuration files. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What its configuration may be. */
  readonly schema: z.ZodType;
  /**
   * In which chain it stands with that configuration, which its schema takes. Default: a
   * listener's, `downstream`.
   */
  readonly chainOf?: (config: unknown) => FilterChain;
  /** Most bytes that its module may have. Default: `DEFAULT_SIZE_BUDGET`. */
  readonly sizeBudget?: number;
}

/** Bytes that a module may have where its filter does not say otherwise. */
export const DEFAULT_SIZE_BUDGET = 128 * 1024;

export const FILTERS: readonly FilterRoom[] = [
  {
    name: "header-routing",
    summary: "chooses a destination by method, path, headers, query, cookies or a share of the traffic",
    schema: headerRoutingSchema,
  },
  {
    name: "fault-injection",
    summary:
      "delays, aborts, black-holes and spoils a share of the traffic, once a request or for each attempt",
    schema: faultInjectionSchema,
    chainOf: (config) => (config as FaultInjectionConfig).where ?? "downstream",
  },
  {
    name: "retry-budget",
    summary: "keeps the router's retries to a share of the requests, over all workers",
    schema: retryBudgetSchema,
    chainOf: (config) => (config as RetryBudgetConfig).where ?? "upstream",
  },
  {
    name: "rate-limit",
    summary: "limits requests by any key, exactly over all workers, or by a rate limit service",
    schema: rateLimitSchema,
  },
  {
    name: "trace-headers",
    summary: "reads, checks, starts and writes W3C and B3 trace headers",
    schema: traceHeadersSchema,
  },
];

/** Whether a filter of the catalog has that name. */
export function isCatalogName(name: string): boolean {
  return FILTERS.some((filter) => filter.name === name);
}

/** The filter of that name. Throws `MeshwrightError("build")` that lists the names there are. */
export function findFilter(name: string): FilterRoom {
  const found = FILTERS.find((filter) => filter.name === name);
  if (found !== undefined) return found;
  throw unknownFilter(name);
}

/** Tells which filters there are. `own` are those of the author's package. */
export function unknownFilter(name: string, own: readonly string[] = []): MeshwrightError {
  const names = [...FILTERS.map((filter) => filter.name), ...own].join(", ");
  return new MeshwrightError("build", `there is no filter "${name}"; the filters are: ${names}`);
}
