// Checks a configuration file: a mesh file, or the settings of a filter.

import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readDocument, readPlaced } from "../envoy/document.js";
import { MeshwrightError } from "../envoy/errors.js";
import { nearest } from "../envoy/problems.js";
import { FILTERS } from "../filters/catalog.js";
import { compiledModule } from "../kit/host/compiled.js";
import { bundleNames, findRunnable } from "../toolchain/bundle/find.js";
import { ownFilterNames } from "../toolchain/package/member.js";
import { dryRun } from "./dry-run.js";
import { readPlacedMesh } from "./mesh/file.js";
import { meshWarnings } from "./mesh/policy/warnings.js";

/** A valid file, and its kind: `mesh`, or the name of a filter or bundle. */
export interface ValidFile {
  readonly file: string;
  readonly kind: string;
  /** What is right, and may mean something else than its writer thinks; each with its place. */
  readonly warnings: readonly string[];
}

/** A file, and the filter or bundle that it is for as `findRunnable` expects it; none: a mesh. */
export interface NamedFile {
  readonly file: string;
  readonly filter?: string;
}

export interface ValidateOptions {
  /**
   * A module's file, which reads a filter's settings too: an old or a lean build may refuse them.
   */
  readonly module?: string;
}

/**
 * Checks `FILE` or `FILTER=FILE`, see `nameFile`. Throws `MeshwrightError` `configuration`, `usage`
 * for a module that no filter's settings are for, and `build` for an unknown filter, or for a
 * schema or a module that cannot be read.
 */
export async function validateFile(word: string, { module }: ValidateOptions = {}): Promise<ValidFile> {
  const { file, filter } = await nameFile(word);
  if (filter !== undefined) return validateFilterFile(filter, file, module);
  if (module !== undefined) {
    throw new MeshwrightError(
      "usage",
      `--module ${module} is for a filter's settings, and ${file} is a mesh file: leave it out`,
    );
  }
  return { file, kind: "mesh", warnings: meshWarnings(await readPlacedMesh(file)) };
}

/**
 * Reads `FILE` or `FILTER=FILE`, where FILTER is a filter or a bundle. Without FILTER, the file's
 * name says which filter of the catalog or of the current package it is for (`my-filter.yaml`,
 * `my-filter.canary.yaml`), and a file with `services` is a mesh file. Throws
 * `MeshwrightError("configuration")` where nothing says what the file is.
 */
export async function nameFile(word: string): Promise<NamedFile> {
  const [, name, named] = (!existsSync(word) && /^([^=]+)=(.+)$/.exec(word)) || [];
  if (name !== undefined && named !== undefined) return { file: named, filter: name };
  const names = [...FILTERS.map((room) => room.name), ...ownFilterNames(), ...bundleNames()];
  const filter = names.find((each) => path.basename(word).startsWith(`${each}.`));
  if (filter !== undefined) return { file: word, filter };
  const content = await readDocument(word, z.looseObject({}), "file");
  if ("services" in content || "gateway" in content) return { file: word };
  const near = nearest(path.basename(word).replace(/\..*$/, ""), names);
  const meant = near === undefined ? "" : `did you mean ${near}=${word}? `;
  throw new MeshwrightError(
    "configuration",
    `${word}: has no "services", so it is not a mesh file; ${meant}for a filter's settings write NAME=${word} with one of ${names.join(", ")}`,
  );
}

async function validateFilterFile(
  filter: string,
  file: string,
  module: string | undefined,
): Promise<ValidFile> {
  const { name, schema } = await findRunnable(filter);
  const { value, placeOf } = await readPlaced(file, schema, `${name} configuration`);
  if (module !== undefined) dryRun(name, compiledModule(module), JSON.stringify(value), placeOf([]));
  return { file, kind: name, warnings: [] };
}
