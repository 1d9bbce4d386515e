// From files to resources: reads, finds the images, tries every configuration on its module, and
// lets a renderer make resources.

import { dryRun } from "../compose/dry-run.js";
import { findImages } from "./files/images.js";
import { readRenderInput } from "./files/sources.js";
import type { ImageWords } from "./images.js";
import { filterNames, filterUses, type Images, type PlacedUse, type RenderInput } from "./input.js";
import { refuseInexactNumbers } from "./numbers.js";
import { structText } from "./struct-text.js";

/** What a renderer gets. */
export interface RenderSource {
  readonly input: RenderInput;
  readonly images: Images;
}

export interface SourceOptions {
  readonly images: ImageWords;
  /** Called with a line when something is built or packed. */
  readonly onProgress: (line: string) => void;
  /** The bytes that a filter's module will read. Default: a Struct's, as in a WasmPlugin. */
  readonly configurationText?: (use: PlacedUse) => string;
}

/**
 * Reads the files, and finds a digest and a module for every filter. Each configuration has been
 * accepted by its module, and has no number that a cluster would change.
 * @param words `FILE` or `FILTER=FILE`, see `readRenderInput`
 * @throws MeshwrightError with file and line; the errors of `readRenderInput` and `findImages`
 */
export async function readSource(
  words: readonly string[],
  { images: said, onProgress, configurationText = ({ config }) => structText(config) }: SourceOptions,
): Promise<RenderSource> {
  const input = await readRenderInput(words);
  const uses = filterUses(input);
  for (const { filter, config, placeOf } of uses) refuseInexactNumbers(filter, config, placeOf);
  const images = await findImages(filterNames(input), said, onProgress);
  for (const use of uses) {
    const image = images.get(use.filter);
    if (image !== undefined) dryRun(use.filter, image.module, configurationText(use), use.placeOf([]));
  }
  return { input, images };
}
