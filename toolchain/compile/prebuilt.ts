// The catalog's modules in the published package.

import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";

/**
 * The module of a filter of the catalog.
 * @param folder where the package keeps it
 * @param outDir where to copy it, with its source map and its schema; default: it is used where it
 * is
 * @throws MeshwrightError `build` if it is missing, or `outDir` cannot be written
 */
export async function prebuilt(name: string, folder: string, outDir?: string): Promise<string> {
  const module = path.join(folder, `${name}.wasm`);
  if (!existsSync(module)) {
    throw new MeshwrightError("build", `${module} is missing: install meshwright again`);
  }
  if (outDir === undefined) return module;
  for (const file of [`${name}.wasm.map`, path.join("schemas", `${name}.schema.json`), `${name}.wasm`]) {
    await copyWhole(path.join(folder, file), path.join(outDir, file));
  }
  return path.join(outDir, `${name}.wasm`);
}

/** Copies the file so that an Envoy that reads it never sees half of it. */
async function copyWhole(from: string, to: string): Promise<void> {
  const partial = `${to}.${process.pid}.partial.wasm`;
  try {
    await mkdir(path.dirname(to), { recursive: true });
    await copyFile(from, partial);
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshwrightError("build", `cannot write to ${path.dirname(to)}: ${reason}`);
  }
}
