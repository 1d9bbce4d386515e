// The gRPC services that filters call. Each is a cluster that speaks HTTP/2 and has the name that
// the filter's settings give.

import { nearest, type Problem } from "../envoy/problems.js";
import type { FilterUse } from "./filter-use.js";

/**
 * A problem for each service that the filter calls and that is not in `names`, with its place in
 * the filter's settings.
 * @param remedy the end of the reason: how a person gives a service's address
 */
export function grpcServiceProblems(
  { descriptor, config }: Pick<FilterUse, "descriptor" | "config">,
  names: readonly string[],
  remedy: (name: string) => string,
): Problem[] {
  const called = descriptor.grpcServices?.(config) ?? [];
  return called
    .filter(({ name }) => !names.includes(name))
    .map(({ name, path }) => {
      const near = nearest(name, names);
      const help = near === undefined ? remedy(name) : `did you mean "${near}"?`;
      return { path, reason: `there is no gRPC service "${name}"; ${help}` };
    });
}
