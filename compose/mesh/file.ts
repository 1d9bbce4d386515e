// Finds and reads mesh files.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { type Placed, type PlaceOf, readDocument, readPlaced } from "../../envoy/document.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { formatProblem, type Problem } from "../../envoy/problems.js";
import { FILTERS, isCatalogName } from "../../filters/catalog.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { bundleNames, findRunnable } from "../../toolchain/bundle/find.js";
import { ownFilterNames } from "../../toolchain/package/member.js";
import { NATIVE } from "../native-filters.js";
import { meshJsonSchema, meshSchema } from "./schema.js";
import type { Mesh } from "./shape.js";

const DEFAULT_FILE = path.join("compose", "mesh.yaml");
/** In the order in which they are looked for in a folder. */
const DEFAULT_FILES = ["mesh.yaml", DEFAULT_FILE];

/**
 * Reads and checks a mesh file. It may name the filters of the catalog, and the filters and bundles
 * of the current package. Throws `MeshwrightError`: `configuration` like `readDocument`, and the
 * errors of `findRunnable` for what is of the package.
 */
export async function readMesh(file: string): Promise<Mesh> {
  return (await readPlacedMesh(file)).value;
}

/** Like `readMesh`, for a caller that must say later where something stands. */
export async function readPlacedMesh(file: string): Promise<Placed<Mesh>> {
  const named = new Set(filterNames(await readDocument(file, z.unknown(), "mesh file")));
  return readPlaced(file, meshSchema([...FILTERS, ...(await ownFilters(named))]), "mesh file");
}

/** @throws MeshwrightError `configuration` with the problems, where there are any */
export function refuseMesh(problems: readonly Problem[], placeOf: PlaceOf): void {
  const [first, ...rest] = problems.map((problem) => `${placeOf(problem.path)}: ${formatProblem(problem)}`);
  if (first !== undefined) throw new MeshwrightError("configuration", `mesh file refused: ${first}`, rest);
}

/** The filters' names in a document that is not checked yet. */
function filterNames(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, below]: [string, unknown]) =>
    key === "filters" && Array.isArray(below) ? below.flatMap(nameOf) : filterNames(below),
  );
}

function nameOf(use: unknown): string[] {
  const isUse = typeof use === "object" && use !== null && "filter" in use;
  return isUse && typeof use.filter === "string" && use.filter !== NATIVE.name ? [use.filter] : [];
}

/**
 * The package's own filters and bundles of these names. Where there is none of one of these names,
 * all of them, so that the problem can list them.
 */
async function ownFilters(named: ReadonlySet<string>): Promise<readonly FilterDescriptor[]> {
  const own = ownNames();
  const found = await Promise.all(own.filter((name) => named.has(name)).map((name) => findRunnable(name)));
  if ([...named].every((name) => isCatalogName(name) || own.includes(name))) return found;
  return [...found, ...(await readable(own.filter((name) => !named.has(name))))];
}

function ownNames(): readonly string[] {
  return [...ownFilterNames(), ...bundleNames()];
}

/**
 * The filters whose descriptor can be read. A descriptor that cannot be read matters only where its
 * filter is used.
 */
async function readable(names: readonly string[]): Promise<readonly FilterDescriptor[]> {
  const read = await Promise.allSettled(names.map((name) => findRunnable(name)));
  return read.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}

/**
 * `mesh.yaml` or `compose/mesh.yaml` of the current folder, or otherwise the one that comes with
 * meshwright.
 */
export function defaultMeshFile(cwd = process.cwd()): string {
  const own = DEFAULT_FILES.map((file) => path.join(cwd, file)).find((file) => existsSync(file));
  return own ?? path.join(PACKAGE_ROOT, DEFAULT_FILE);
}

/**
 * Writes the JSON Schema of mesh files to `schemas/mesh.schema.json` below `outDir`, and returns
 * the file's path. It knows the filters of the catalog, and the filters and bundles of the current
 * package.
 */
export async function writeMeshSchema(outDir: string): Promise<string> {
  const file = path.join(outDir, "schemas", "mesh.schema.json");
  const filters = [...FILTERS, ...(await readable(ownNames()))];
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(meshJsonSchema(filters), null, 2)}\n`);
  return file;
}
