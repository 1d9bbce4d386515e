// The filters that come with meshwright, by the name that configuration files and the command line use.

import type { z } from "zod";
import { MeshwrightError } from "../envoy/errors.js";
import { headerRoutingSchema } from "./header-routing/schema.js";
import { traceHeadersSchema } from "./trace-headers/schema.js";

/** One filter of the house. */
export interface FilterRoom {
  /** Its folder below `filters/`, its module's name and its name in configuration files. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What its configuration may be. */
  readonly schema: z.ZodType;
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
