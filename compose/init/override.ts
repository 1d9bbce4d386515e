// Writes the mesh as files that Docker alone can run: an override of the compose project, and what
// its Envoys read.

import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { planAround } from "../containers/around/plan-file.js";
import { aroundProblems } from "../containers/around/problems.js";
import type { UserProject } from "../containers/around/user-project.js";
import { copyModules, writeEnvoys } from "../containers/run-files.js";
import { ENVOYS_FOLDER, MODULES_FOLDER } from "../containers/run-places.js";
import { readPlacedMesh, refuseMesh } from "../mesh/file.js";
import { buildMeshModules } from "../mesh/prepare.js";
import type { ComposeProject } from "../project/model.js";

export const OVERRIDE_FILE = "compose.mesh.yaml";
/** No mesh has a name with "_", so that no run has this folder. */
const FOLDER = path.join(".meshwright", "_compose");
const HEADING = "Written by `meshwright init` from mesh.yaml; the next run replaces it.";

/**
 * Writes the override of the mesh file beside it.
 * @param meshFile whole path
 * @throws MeshwrightError `configuration` where the mesh does not fit the project
 */
export async function writeOverride(project: ComposeProject, meshFile: string): Promise<void> {
  const folder = path.dirname(meshFile);
  const { value: mesh, placeOf } = await readPlacedMesh(meshFile);
  const model = project.model as unknown as UserProject;
  refuseMesh(aroundProblems(mesh, model), placeOf);
  const plan = planAround(mesh, model, {
    folder,
    envoys: `./${path.join(FOLDER, ENVOYS_FOLDER)}`,
    modules: `./${path.join(FOLDER, MODULES_FOLDER)}`,
    heading: [HEADING, `Run it: ${composeCommand(project)}`],
  });
  const directory = path.join(folder, FOLDER);
  await copyModules(directory, await buildMeshModules(mesh, { onEvent: () => {} }));
  await writeEnvoys(directory, plan, () => true);
  await removeOthers(path.join(directory, ENVOYS_FOLDER), [...plan.envoyFiles.keys()]);
  await writeAtomically(path.join(folder, OVERRIDE_FILE), plan.composeFile);
}

/** The command that runs the override without meshwright. */
export function composeCommand({ main, here }: ComposeProject): string {
  const files = [...main.map((file) => path.relative(here, file)), OVERRIDE_FILE];
  return `docker compose ${files.map((file) => `-f ${file}`).join(" ")} up`;
}

/**
 * @throws MeshwrightError `configuration` where the folder has a file of the override's name that a
 * person wrote
 */
export async function refuseOwnOverride(folder: string): Promise<void> {
  const text = await readFile(path.join(folder, OVERRIDE_FILE), "utf8").catch(() => undefined);
  if (text === undefined || text.includes(HEADING)) return;
  throw new MeshwrightError(
    "configuration",
    `${OVERRIDE_FILE} is not of meshwright, and stays as it is: rename it, or replace it by --force`,
  );
}

/** Removes the folders of Envoys that the mesh no longer has. */
async function removeOthers(folder: string, files: readonly string[]): Promise<void> {
  const kept = new Set(files.map((file) => file.split("/")[0]));
  for (const name of await readdir(folder)) {
    if (!kept.has(name)) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}
