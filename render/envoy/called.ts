// The services that filters call, each by the name of its cluster.

import { grpcServiceProblems } from "../../compose/grpc-services.js";
import { httpServiceProblems } from "../../compose/http-services.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { FiltersInput } from "../input.js";

/** Throws `MeshwrightError("configuration")` for each called service that is not among these. */
export function refuseUnknownServices(
  { uses }: FiltersInput,
  services: { readonly grpc: readonly string[]; readonly http: readonly string[] },
): void {
  const lines = uses.flatMap((use) =>
    [
      ...grpcServiceProblems(use, services.grpc, remedy("--grpc-service")),
      ...httpServiceProblems(use, services.http, remedy("--http-service")),
    ].map(({ path, reason }) => `${use.placeOf(path)}: ${reason}`),
  );
  const [first, ...rest] = lines;
  if (first !== undefined) throw new MeshwrightError("configuration", first, rest);
}

function remedy(option: string): (name: string) => string {
  return (name) => `say where it is: ${option} ${name}=http://HOST:PORT`;
}
