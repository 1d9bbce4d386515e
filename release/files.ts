// The files of a release about one module: the module itself, its image, and what lies beside it.

import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { digestOf, type Image, type Manifest } from "../oci/image/descriptor.js";
import { readLayout } from "../oci/layout/read.js";
import type { PackedImage } from "../oci/pack.js";

const TITLE = "org.opencontainers.image.title";

/**
 * Writes a packed module as a file beside its image, and each of the image's referrers (SBOM,
 * provenance, JSON Schema) under its title.
 * @param modules the folder in which the module was built
 * @throws MeshwrightError `build` where the module is not the one that the image has
 */
export async function writeModuleFiles({ name, path: layout }: PackedImage, modules: string): Promise<void> {
  const folder = path.dirname(layout);
  const { image, referrers } = await readLayout(layout);
  const module = path.join(folder, `${name}.wasm`);
  await copyFile(path.join(modules, `${name}.wasm`), module);
  const digest = annotationsOf(image)["meshwright.module"];
  if (digestOf(await readFile(module)) !== digest) {
    throw new MeshwrightError("build", `${name}.wasm changed while it was packed: make the release again`);
  }
  for (const referrer of referrers) {
    const title = annotationsOf(referrer)[TITLE];
    const content = referrer.blobs.at(-1);
    if (title !== undefined && content !== undefined) {
      await writeFile(path.join(folder, path.basename(title)), content.bytes);
    }
  }
}

/** What a manifest says of itself. */
function annotationsOf({ manifest }: Image): Readonly<Record<string, string>> {
  return (JSON.parse(Buffer.from(manifest.bytes).toString()) as Manifest).annotations ?? {};
}
