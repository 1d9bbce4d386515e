// Renders a mesh file's text without files and modules, for tests of what is rendered.

import { meshSchema } from "../../compose/mesh/schema.js";
import { checkDocument } from "../../envoy/document.js";
import { FILTERS } from "../../filters/catalog.js";
import { type LiveResource, liveResources } from "../../render/diff/live.js";
import { filterNames, type Images, type MeshInput } from "../../render/input.js";
import { renderIstio } from "../../render/istio/render.js";
import { type IstioWords, parseIstioWords } from "../../render/istio/words.js";
import type { Rendered, Resource } from "../../render/resource.js";

/** A module that does nothing. */
const NO_MODULE = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
const SCHEMA = meshSchema(FILTERS);
export const SAMPLE_DIGEST = `sha256:${"ab".repeat(32)}`;

/** @param existing resources of the cluster, as kubectl prints them */
export function renderMeshText(
  text: string,
  words: IstioWords = {},
  existing: readonly unknown[] = [],
): Rendered {
  const checked = checkDocument(text, SCHEMA, "mesh.yaml");
  if (!checked.ok) throw new Error(checked.lines.join("\n"));
  const input: MeshInput = { kind: "mesh", file: "mesh.yaml", mesh: checked.value, placeOf: checked.placeOf };
  const live: readonly LiveResource[] = existing.flatMap(liveResources);
  const options = parseIstioWords(words, { grpcServices: {}, httpServices: {} });
  return renderIstio({ input, images: sampleImages(filterNames(input)) }, live, options);
}

export function sampleImages(filters: readonly string[]): Images {
  return new Map(
    filters.map((filter) => [
      filter,
      {
        url: `oci://registry.example/${filter}@${SAMPLE_DIGEST}`,
        digest: SAMPLE_DIGEST,
        module: NO_MODULE,
      },
    ]),
  );
}

/** The `spec` of the one resource of this kind and name. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at single fields of what was rendered
export function specOf({ resources }: Rendered, kind: string, name: string): any {
  return resourceOf(resources, kind, name)?.body.spec;
}

export function resourceOf(resources: readonly Resource[], kind: string, name: string): Resource | undefined {
  return resources.find((each) => each.kind === kind && each.metadata.name === name);
}

/** The names of all resources of a kind, in their order. */
export function namesOf({ resources }: Rendered, kind: string): readonly string[] {
  return resources.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
}
