// Reads the files of a command line and renders them.

import { chainOf } from "../../compose/chains.js";
import { readExisting } from "../files/existing.js";
import { type ImageWords, imageWarnings } from "../images.js";
import { filterNames, type Images, type PlacedUse } from "../input.js";
import { readSource } from "../render.js";
import type { Rendered } from "../resource.js";
import { structText } from "../struct-text.js";
import type { IstioOptions } from "./options.js";
import { renderIstio } from "./render.js";

export interface RenderIstioWords {
  readonly images: ImageWords;
  readonly istio: IstioOptions;
  /** Files with Services and DestinationRules of the cluster. */
  readonly cluster: string | undefined;
  readonly onProgress: (line: string) => void;
}

/** What was rendered, and the images that it names. */
export interface RenderedIstio extends Rendered {
  readonly images: Images;
}

/** @throws MeshwrightError like `readSource`, `readExisting` and `renderIstio` */
export async function renderIstioFiles(
  files: readonly string[],
  { images, istio, cluster, onProgress }: RenderIstioWords,
): Promise<RenderedIstio> {
  const existing = cluster === undefined ? [] : await readExisting(cluster);
  const source = await readSource(files, { images, onProgress, configurationText });
  const rendered = renderIstio(source, existing, istio);
  const warnings = [...imageWarnings(images, filterNames(source.input)), ...rendered.warnings];
  return { ...rendered, warnings, images: source.images };
}

/** A WasmPlugin carries a Struct, and an EnvoyFilter the text itself. */
function configurationText(use: PlacedUse): string {
  return chainOf(use) === "upstream" ? JSON.stringify(use.config) : structText(use.config);
}
