// Runs a TypeScript file of an author's as it stands now.

import { pathToFileURL } from "node:url";
import { tsImport } from "tsx/esm/api";
import { MeshwrightError } from "../../envoy/errors.js";

/**
 * What the file exports.
 * @param file an absolute path
 * @throws MeshwrightError `build` where it cannot be run
 */
export async function runSource(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await tsImport(pathToFileURL(file).href, { parentURL: import.meta.url, tsconfig: false });
  } catch (error) {
    const [reason = "", ...details] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new MeshwrightError("build", `${file} cannot be read: ${reason}`, details, { cause: error });
  }
}
