// The services that filters call over gRPC. Each is a cluster that speaks HTTP/2.

import type { Problem } from "../envoy/problems.js";
import { missingServices } from "./called-services.js";
import type { FilterUse } from "./filter-use.js";

/**
 * A problem for each service that the filter calls over gRPC and that is not in `names`, with its
 * place in the filter's settings.
 * @param remedy the end of the reason: how a person gives a service's address
 */
export function grpcServiceProblems(
  { descriptor, config }: Pick<FilterUse, "descriptor" | "config">,
  names: readonly string[],
  remedy: (name: string) => string,
): Problem[] {
  return missingServices("gRPC", descriptor.grpcServices?.(config) ?? [], names, remedy);
}
