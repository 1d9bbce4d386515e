// Checks a file of configuration, whichever kind it is: a mesh file, or the settings of a filter.

import path from "node:path";
import { z } from "zod";
import { readDocument } from "../envoy/document.js";
import { MeshwrightError } from "../envoy/errors.js";
import { FILTERS, findFilter } from "../filters/catalog.js";
import { readMesh } from "./mesh/file.js";

/** A file that is right, and what it is: `mesh`, or a filter's name. */
export interface ValidFile {
  readonly file: string;
  readonly kind: string;
}

/**
 * Checks `FILE` or `FILTER=FILE`. Without the filter's name the file's own tells (`header-routing.yaml`, `header-routing.canary.yaml`), and
 * what has `services` is a mesh file. Throws `MeshwrightError` `configuration`, and `build` for an unknown filter.
 */
export async function validateFile(word: string): Promise<ValidFile> {
  const [, name, named] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(word) ?? [];
  if (name !== undefined && named !== undefined) return validateFilterFile(findFilter(name).name, named);
  const filter = FILTERS.find((room) => path.basename(word).startsWith(`${room.name}.`));
  if (filter !== undefined) return validateFilterFile(filter.name, word);
  const content = await readDocument(word, z.looseObject({}), "file");
  if ("services" in content || "gateway" in content) {
    await readMesh(word);
    return { file: word, kind: "mesh" };
  }
  const names = FILTERS.map((room) => room.name).join(", ");
  throw new MeshwrightError(
    "configuration",
    `${word}: has no "services", so it is no mesh file; for a filter's settings write NAME=${word} with one of ${names}`,
  );
}

async function validateFilterFile(filter: string, file: string): Promise<ValidFile> {
  await readDocument(file, findFilter(filter).schema, `${filter} configuration`);
  return { file, kind: filter };
}
