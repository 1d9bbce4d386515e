// Which image each filter comes from. An image is named by its digest, because proxies that start
// at different times would otherwise run different modules.

import { MeshwrightError } from "../envoy/errors.js";
import { listed, nearest } from "../envoy/problems.js";
import { parseReference } from "../oci/registry/reference.js";

/** What a person said about images. */
export interface ImageWords {
  /** The reference of a filter's image by the filter's name, without `oci://`. */
  readonly images: ReadonlyMap<string, string>;
  /** Where the images are that `pack` made: REGISTRY[/PATH]. */
  readonly registry?: string;
}

/** Stands in the output until a person says where the images are. */
export const PLACEHOLDER_REGISTRY = "registry.example/meshwright";

/**
 * Reads `--image FILTER=oci://…@sha256:…` and `--registry PREFIX`.
 * @throws MeshwrightError `usage`
 */
export function parseImages(words: readonly string[], registry?: string): ImageWords {
  const images = new Map<string, string>();
  for (const word of words) {
    const [, filter, text] = /^([^=/:]+)=(.+)$/.exec(word) ?? [];
    if (filter === undefined || text === undefined) {
      throw usage(`--image ${word}: write it as FILTER=oci://REGISTRY/REPOSITORY@sha256:DIGEST`);
    }
    if (images.has(filter)) throw usage(`--image ${filter}=… is given twice; a filter has one image`);
    images.set(filter, pinned(word, text));
  }
  return { images, ...(registry === undefined ? {} : { registry: checkedRegistry(registry) }) };
}

function pinned(word: string, text: string): string {
  const { registry, repository, digest, tag } = parseReference(text);
  if (digest !== undefined) return `${registry}/${repository}@${digest}`;
  const given = tag === undefined ? "has no digest" : `has the tag "${tag}" and no digest`;
  throw usage(
    `--image ${word}: ${given}; a tag can move, and then proxies run different modules. \`meshwright push\` prints the name with its digest`,
  );
}

function checkedRegistry(text: string): string {
  const prefix = text.replace(/^oci:\/\//, "").replace(/\/+$/, "");
  const { tag, digest } = parseReference(`${prefix}/x`);
  if (/[@]/.test(prefix) || tag !== undefined || digest !== undefined) {
    throw usage(`--registry ${text}: name the registry and a path, as in registry.example/mesh`);
  }
  return prefix;
}

/** What a person should know where nobody has said in which registry the images are. */
export function imageWarnings(
  { images, registry }: ImageWords,
  filters: readonly string[],
): readonly string[] {
  if (registry !== undefined || filters.every((filter) => images.has(filter))) return [];
  return [
    `${PLACEHOLDER_REGISTRY} stands for your registry: say which with --registry, and put the images there with \`meshwright push\``,
  ];
}

/** Throws `MeshwrightError("usage")` where an image is given for a filter that is not rendered. */
export function refuseUnused({ images }: ImageWords, filters: readonly string[]): void {
  for (const filter of images.keys()) {
    if (filters.includes(filter)) continue;
    const near = nearest(filter, filters);
    const help =
      near === undefined ? `what is rendered uses ${listed(filters) || "none"}` : `did you mean "${near}"?`;
    throw usage(`--image ${filter}=…: no filter "${filter}" is rendered; ${help}`);
  }
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
