// Where the files of one run stand below the run's folder.

export const ENVOYS_FOLDER = "envoys";

/** The file of a filter's module, in the folder of modules. */
export function moduleFile(filter: string): string {
  return `${filter}.wasm`;
}
