// From a mesh file or filters' files to the resources of Istio.

import { MeshwrightError } from "../../envoy/errors.js";
import type { LiveResource } from "../diff/live.js";
import type { RenderSource } from "../render.js";
import type { Rendered } from "../resource.js";
import { filterResources } from "./filters.js";
import { meshResources } from "./mesh.js";
import type { IstioOptions } from "./options.js";

/**
 * @param existing Services and DestinationRules of the cluster, where a person gave them
 * @throws MeshwrightError `configuration` for what Istio has no word for, with its line
 */
export function renderIstio(
  { input, images }: RenderSource,
  existing: readonly LiveResource[],
  options: IstioOptions,
): Rendered {
  if (input.kind === "mesh") {
    refuseFilterOptions(input.file, options);
    return meshResources(input, images, existing, options);
  }
  return filterResources(input, images, existing, options);
}

/** A mesh file says itself what these options say for filters' files. */
function refuseFilterOptions(file: string, options: IstioOptions): void {
  const { target, fallback, protocol, grpcServices, httpServices } = options;
  const given = [
    target?.kind === "service" || target?.service !== undefined ? "--for" : undefined,
    fallback === undefined ? undefined : "--default",
    protocol === undefined ? undefined : "--protocol",
    Object.keys(grpcServices).length === 0 ? undefined : "--grpc-service",
    Object.keys(httpServices).length === 0 ? undefined : "--http-service",
  ].find((option) => option !== undefined);
  if (given === undefined) return;
  throw new MeshwrightError("usage", `${given} is for filters' files: the mesh file ${file} says it itself`);
}
