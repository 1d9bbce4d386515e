// Mesh files: where they are found and how they are read.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { readDocument } from "../../envoy/document.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { type Mesh, meshJsonSchema, meshSchema } from "./schema.js";

const DEFAULT_FILE = path.join("compose", "mesh.yaml");

/** Reads and checks a mesh file. Throws `MeshwrightError("configuration")`, see `readDocument`. */
export function readMesh(file: string): Promise<Mesh> {
  return readDocument(file, meshSchema, "mesh file");
}

/** `compose/mesh.yaml` of the current folder, else the one that comes with meshwright. */
export function defaultMeshFile(cwd = process.cwd()): string {
  const own = path.join(cwd, DEFAULT_FILE);
  return existsSync(own) ? own : path.join(PACKAGE_ROOT, DEFAULT_FILE);
}

/**
 * Writes the JSON Schema of mesh files to `schemas/mesh.schema.json` below `outDir`, and returns
 * the file's path.
 */
export async function writeMeshSchema(outDir: string): Promise<string> {
  const file = path.join(outDir, "schemas", "mesh.schema.json");
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(meshJsonSchema(), null, 2)}\n`);
  return file;
}
