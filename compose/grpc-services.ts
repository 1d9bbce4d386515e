// The gRPC services that filters call: each is a cluster of Envoy that speaks HTTP/2, by the name
// that the filter's settings give.

import { nearest, type Problem } from "../envoy/problems.js";
import type { FilterUse } from "./filter-use.js";

/**
 * A problem for each service that the filter calls and that is none of `names`, with its place in
 * the filter's settings.
 * @param remedy how a person says where a service is, for the end of the reason
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
