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
    const found = await tsImport(pathToFileURL(file).href, { parentURL: import.meta.url, tsconfig: false });
    return isCommonJs(found.default) ? found.default : found;
  } catch (error) {
    const [reason = "", ...details] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new MeshwrightError("build", `${file} cannot be read: ${reason}`, details, { cause: error });
  }
}

/** In a package of CommonJS, the default that Node sees is all that the file exports. */
function isCommonJs(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && "__esModule" in value;
}
