// The gRPC services that filters call: each is a cluster of Envoy that speaks HTTP/2, by the name
// that the filter's settings give.

import { nearest } from "../envoy/problems.js";
import type { RateLimitConfig } from "../filters/rate-limit/schema.js";
import type { FilterUse } from "./destinations.js";

/** What is wrong with the service that a filter asks for, and where in its settings. */
export interface ServiceProblem {
  readonly path: readonly PropertyKey[];
  readonly reason: string;
}

/**
 * Undefined where the filter calls none, or one of `names`.
 * @param remedy how a person says where a service is, for the end of the reason
 */
export function grpcServiceProblem(
  use: FilterUse,
  names: readonly string[],
  remedy: (name: string) => string,
): ServiceProblem | undefined {
  // The configuration has been checked against the filter's own schema.
  const config = use.filter === "rate-limit" ? (use.config as unknown as RateLimitConfig) : undefined;
  const name = config?.service?.cluster;
  if (name === undefined || names.includes(name)) return undefined;
  const near = nearest(name, names);
  const help = near === undefined ? remedy(name) : `did you mean "${near}"?`;
  return { path: ["service", "cluster"], reason: `there is no gRPC service "${name}"; ${help}` };
}
