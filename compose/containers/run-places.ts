// Where the files of one run stand below the run's folder.

export const ENVOYS_FOLDER = "envoys";
export const MODULES_FOLDER = "modules";

/** The file of a filter's module, in the folder of modules. */
export function moduleFile(filter: string): string {
  return `${filter}.wasm`;
}
