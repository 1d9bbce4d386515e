// The services that filters call. Each is a cluster that has the name that the filter's settings
// give.

import { nearest, type Problem } from "../envoy/problems.js";
import type { NamedPlace } from "../filters/descriptor.js";

/**
 * A problem for each called service that is not in `names`, with its place in the filter's
 * settings.
 * @param kind what the service speaks, for the reason
 * @param remedy the end of the reason: how a person gives a service's address
 */
export function missingServices(
  kind: "gRPC" | "HTTP",
  called: readonly NamedPlace[],
  names: readonly string[],
  remedy: (name: string) => string,
): Problem[] {
  return called
    .filter(({ name }) => !names.includes(name))
    .map(({ name, path }) => {
      const near = nearest(name, names);
      const help = near === undefined ? remedy(name) : `did you mean "${near}"?`;
      return { path, reason: `there is no ${kind} service "${name}"; ${help}` };
    });
}
