// From a mesh file or filters' files to the resources of Istio.

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
  if (input.kind === "mesh") return meshResources(input, images, existing, options);
  return filterResources(input, images, existing, options);
}
