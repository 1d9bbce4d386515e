// Finds the images of filters on the disk: the layouts that `pack` wrote, and the modules in them.

import { existsSync } from "node:fs";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { compiledModule } from "../../kit/host/compiled.js";
import { moduleIn } from "../../oci/image/module.js";
import { readLayout } from "../../oci/layout/read.js";
import { packFilters } from "../../oci/pack.js";
import { findRunnable } from "../../toolchain/bundle/find.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import { workspaceRoot } from "../../toolchain/compile/source.js";
import { type ImageWords, PLACEHOLDER_REGISTRY, refuseUnused } from "../images.js";
import type { FilterImage, Images } from "../input.js";

/**
 * The image of each filter: the one that a person named, or the layout in `build/`, which is packed
 * first where there is none.
 * @throws MeshwrightError `usage` for an image of a filter that is not rendered; `configuration`
 * for a damaged layout; the errors of `packFilters`
 */
export async function findImages(
  filters: readonly string[],
  words: ImageWords,
  onProgress: (line: string) => void,
): Promise<Images> {
  refuseUnused(words, filters);
  const found: (readonly [string, FilterImage])[] = [];
  for (const filter of filters) {
    const named = words.images.get(filter);
    const image =
      named === undefined ? await packedImage(filter, words, onProgress) : await namedImage(filter, named);
    found.push([filter, image]);
  }
  return new Map(found);
}

/** The image is elsewhere, so the module that this package builds stands for it. */
async function namedImage(filter: string, reference: string): Promise<FilterImage> {
  const { entry, parts } = await findRunnable(filter);
  const file = parts === undefined ? await filterModule(filter) : entry;
  const digest = reference.slice(reference.indexOf("@") + 1);
  return { url: `oci://${reference}`, digest, module: compiledModule(file) };
}

async function packedImage(
  filter: string,
  { registry = PLACEHOLDER_REGISTRY }: ImageWords,
  onProgress: (line: string) => void,
): Promise<FilterImage> {
  const place = await layoutOf(filter, onProgress);
  const { image } = await readLayout(place);
  const bytes = await moduleIn(image);
  if (bytes === undefined) {
    throw new MeshwrightError(
      "configuration",
      `${place} has no plugin.wasm: make it again with \`meshwright pack ${filter}\``,
    );
  }
  const { digest } = image.manifest.descriptor;
  return { url: `oci://${registry}/${filter}@${digest}`, digest, module: compiled(filter, bytes) };
}

async function layoutOf(filter: string, onProgress: (line: string) => void): Promise<string> {
  const folder = path.join(workspaceRoot(), "build");
  const places = [`${filter}.oci`, `${filter}.oci.tar`].map((name) => path.join(folder, name));
  const known = places.find((place) => existsSync(place));
  if (known !== undefined) return known;
  const { parts } = await findRunnable(filter);
  const options = { outDir: folder, onProgress };
  const [packed] = await (parts === undefined
    ? packFilters([filter], options)
    : packFilters(parts, { ...options, bundle: filter }));
  return packed?.path ?? "";
}

function compiled(filter: string, bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(Buffer.from(bytes));
  } catch (cause) {
    throw new MeshwrightError(
      "build",
      `the module of ${filter} cannot be read here (${(cause as Error).message}): build it again`,
      [],
      { cause },
    );
  }
}
