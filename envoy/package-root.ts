// Where this package is: the same for the sources and for the files compiled from them.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The nearest folder upwards from here with a package.json. */
export const PACKAGE_ROOT = folderOfPackage(dirname(fileURLToPath(import.meta.url)));

function folderOfPackage(from: string): string {
  return existsSync(join(from, "package.json")) ? from : folderOfPackage(dirname(from));
}
