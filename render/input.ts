// What is rendered: a mesh file, or filters' own files.

import { type FilterUse, isSameEntry } from "../compose/filter-use.js";
import type { Mesh } from "../compose/mesh/shape.js";
import { isNative } from "../compose/native-filters.js";
import type { PlaceOf } from "../envoy/document.js";

/** A mesh file. */
export interface MeshInput {
  readonly kind: "mesh";
  readonly file: string;
  readonly mesh: Mesh;
  readonly placeOf: PlaceOf;
}

/** Filters' files, in the order of the chain. */
export interface FiltersInput {
  readonly kind: "filters";
  readonly uses: readonly PlacedUse[];
}

export type RenderInput = MeshInput | FiltersInput;

/** A filter and its settings, and where a person wrote them. */
export interface PlacedUse extends FilterUse {
  /** `file:line:column` of a value in the settings. */
  readonly placeOf: PlaceOf;
}

/** The image of a filter. */
export interface FilterImage {
  /** `oci://REGISTRY/REPOSITORY@sha256:…`. */
  readonly url: string;
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  /** What a proxy will run. */
  readonly module: WebAssembly.Module;
}

/** The images of all filters that have one, by the filters' names. */
export type Images = ReadonlyMap<string, FilterImage>;

/** Every filter in the input, each entry of a file once. Envoy's own filters have no module. */
export function filterUses(input: RenderInput): readonly PlacedUse[] {
  if (input.kind === "filters") return input.uses;
  return [...usePlaces(input)]
    .filter(([use]) => !isNative(use))
    .map(([use, path]) => ({ ...use, placeOf: (below) => input.placeOf([...path, "config", ...below]) }));
}

/** Every filter of a mesh file, Envoy's own too, with the path to its entry. */
export function usePlaces({ mesh }: MeshInput): ReadonlyMap<FilterUse, readonly PropertyKey[]> {
  const entries = (uses: readonly FilterUse[] = [], path: readonly PropertyKey[]) =>
    uses.map((use, i) => [use, [...path, i]] as const);
  return new Map<FilterUse, readonly PropertyKey[]>([
    ...entries(mesh.filters, ["filters"]),
    ...entries(mesh.gateway.filters, ["gateway", "filters"]),
    ...Object.entries(mesh.services).flatMap(([name, { filters }]) =>
      entries(filters, ["services", name, "filters"]),
    ),
  ]);
}

/** The path to the entry of a filter of the mesh file. */
export function entryPaths(input: MeshInput): (use: FilterUse) => readonly PropertyKey[] {
  const places = [...usePlaces(input)];
  return (use) => places.find(([entry]) => isSameEntry(entry, use))?.[1] ?? [];
}

/** The names of the filters that need an image, each once. */
export function filterNames(input: RenderInput): readonly string[] {
  return [...new Set(filterUses(input).map(({ filter }) => filter))];
}
