// The services that filters call over HTTP. Each is a cluster that speaks what its URL says.

import type { Problem } from "../envoy/problems.js";
import { missingServices } from "./called-services.js";
import type { FilterUse } from "./filter-use.js";

/**
 * A problem for each service that the filter calls over HTTP and that is not in `names`, with its
 * place in the filter's settings.
 * @param remedy the end of the reason: how a person gives a service's address
 */
export function httpServiceProblems(
  { descriptor, config }: Pick<FilterUse, "descriptor" | "config">,
  names: readonly string[],
  remedy: (name: string) => string,
): Problem[] {
  return missingServices("HTTP", descriptor.httpServices?.(config) ?? [], names, remedy);
}
