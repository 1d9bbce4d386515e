// Mesh files for tests, each in its own folder.

import { cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const COMPOSE = fileURLToPath(new URL("../../../compose", import.meta.url));

/**
 * A copy of the demo, which a test may edit and whose processes can be told from others. Disposing
 * of it removes the folder.
 */
export interface DemoCopy extends AsyncDisposable {
  readonly folder: string;
  /** The mesh file. */
  readonly file: string;
}

export async function copyDemo(): Promise<DemoCopy> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "mesh-")));
  const file = path.join(folder, "mesh.yaml");
  await cp(path.join(COMPOSE, "mesh.yaml"), file);
  await cp(path.join(COMPOSE, "services"), path.join(folder, "services"), { recursive: true });
  return { folder, file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** A mesh file with one service, which this command starts. */
export function ownMesh(command: readonly string[]): string {
  return [
    "name: own",
    "gateway: { routes: [{ prefix: /, service: app }] }",
    `services: { app: { versions: { v1: { command: ${JSON.stringify(command)} } } } }`,
  ].join("\n");
}
