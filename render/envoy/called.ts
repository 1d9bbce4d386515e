// The services that filters call, each by the name of its cluster.

import { type CallableServices, unnamedServiceProblems } from "../../compose/front/filters.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { FiltersInput } from "../input.js";

/** Throws `MeshwrightError("configuration")` for each called service that is not among these. */
export function refuseUnknownServices({ uses }: FiltersInput, services: CallableServices): void {
  const lines = uses.flatMap((use) =>
    unnamedServiceProblems(use, services).map(({ path, reason }) => `${use.placeOf(path)}: ${reason}`),
  );
  const [first, ...rest] = lines;
  if (first !== undefined) throw new MeshwrightError("configuration", first, rest);
}
