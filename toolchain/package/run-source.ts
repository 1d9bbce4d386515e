// Runs an author's TypeScript file in its current form.

import { pathToFileURL } from "node:url";
import { tsImport } from "tsx/esm/api";
import { MeshwrightError } from "../../envoy/errors.js";

/**
 * Runs the file and returns its exports.
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

/** In a package of CommonJS, the default export that Node sees holds all exports of the file. */
function isCommonJs(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && "__esModule" in value;
}
