// Where the files of one run stand below the run's folder.

import path from "node:path";

export const ENVOYS_FOLDER = "envoys";
export const MODULES_FOLDER = "modules";

/** The file of a filter's module, in the folder of modules. */
export function moduleFile(filter: string): string {
  return `${filter}.wasm`;
}

/** The whole file of a filter's module. @param directory the run's folder */
export function moduleOf(directory: string, filter: string): string {
  return path.join(directory, MODULES_FOLDER, moduleFile(filter));
}
