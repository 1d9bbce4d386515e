// Makes the files of a release, in one step: a folder is there with all of them, or not at all.

import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { writeMeshSchema } from "../compose/mesh/file.js";
import { MeshwrightError } from "../envoy/errors.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { makeFolder } from "../envoy/runtime/folder.js";
import { BUNDLES } from "../filters/bundles.js";
import { FILTERS } from "../filters/catalog.js";
import { packageFile } from "../oci/facts/origin.js";
import { type PackedImage, packFilters } from "../oci/pack.js";
import { refuseChanged, refuseOtherTag } from "./checkout.js";
import { writeModuleFiles } from "./files.js";
import { writePackage } from "./npm-package.js";
import { writeSums } from "./sums.js";

/** The file that says by which digest a proxy names each image. */
const IMAGES = "IMAGES";

export interface ReleaseOptions {
  /** The folder for the files, which must not exist. Default: `build/release/VERSION`. */
  readonly outDir?: string;
  /** Whether files that are not committed may be in it. Default: false. */
  readonly allowDirty?: boolean;
  /** A tag that must name the version of package.json. Default: none. */
  readonly tag?: string;
  /** Called with a line for each step. */
  readonly onProgress?: (line: string) => void;
}

export interface Release {
  readonly version: string;
  /** The folder, an absolute path. */
  readonly folder: string;
  /** The names of the files whose sums it has, sorted. */
  readonly files: readonly string[];
  readonly images: readonly PackedImage[];
}

/**
 * Makes the modules and the recommended bundles, their images, schemas, SBOMs and statements of
 * provenance, the npm package, and the sums of all. The same commit gives the same bytes.
 * @throws MeshwrightError `configuration` for a checkout, a tag or a folder of which no release can
 * be made; `build`; `write-failed`
 */
export async function makeRelease(options: ReleaseOptions = {}): Promise<Release> {
  const version = String((await packageFile(PACKAGE_ROOT)).version);
  const { outDir = path.join(PACKAGE_ROOT, "build", "release", version), tag } = options;
  const folder = path.resolve(outDir);
  if (tag !== undefined) refuseOtherTag(tag, version);
  if (!options.allowDirty) await refuseChanged(PACKAGE_ROOT);
  refuseExisting(folder);
  const temporary = path.join(path.dirname(folder), `.release.${randomBytes(6).toString("hex")}`);
  const clear = () => {
    // Where there is nothing to remove because a parent is no folder, that is no further failure.
    if (existsSync(temporary)) rmSync(temporary, { recursive: true, force: true });
  };
  process.once("exit", clear);
  try {
    await makeFolder(path.dirname(folder));
    await mkdir(temporary);
    const images = await writeFiles(temporary, options);
    const files = await writeSums(temporary);
    await rename(temporary, folder);
    const moved = images.map((image) => ({ ...image, path: path.join(folder, path.basename(image.path)) }));
    return { version, folder, files, images: moved };
  } catch (error) {
    throw describe(error, folder);
  } finally {
    process.off("exit", clear);
    clear();
  }
}

async function writeFiles(folder: string, { onProgress }: ReleaseOptions): Promise<readonly PackedImage[]> {
  const pack = { outDir: folder, tar: true, ...(onProgress === undefined ? {} : { onProgress }) };
  const names = FILTERS.map(({ name }) => name);
  const images = [...(await packFilters(names, pack))];
  for (const { name, filters } of BUNDLES) {
    images.push(...(await packFilters(filters, { ...pack, bundle: name })));
  }
  for (const image of images) await writeModuleFiles(image, path.join(PACKAGE_ROOT, "build"));
  await writeFile(
    path.join(folder, IMAGES),
    images.map(({ name, digest }) => `${name}@${digest}\n`).join(""),
  );
  const schema = await writeMeshSchema(folder);
  await rename(schema, path.join(folder, path.basename(schema)));
  await rm(path.dirname(schema), { recursive: true });
  onProgress?.("packing the npm package …");
  await writePackage(PACKAGE_ROOT, folder);
  return images;
}

/** A release that was published must not change, so nothing is written over an older one. */
function refuseExisting(folder: string): void {
  if (!existsSync(folder)) return;
  throw new MeshwrightError(
    "configuration",
    `${folder} exists already: remove it, or choose another folder with --out-dir`,
  );
}

function describe(error: unknown, folder: string): unknown {
  const { code, path: place } = error as NodeJS.ErrnoException;
  if (error instanceof MeshwrightError || code === undefined) return error;
  return new MeshwrightError(
    "write-failed",
    `cannot write the release to ${folder} (${code}${place === undefined ? "" : ` at ${path.basename(place)}`}): make room, or choose a folder that you may write to with --out-dir`,
    [],
    { cause: error },
  );
}
