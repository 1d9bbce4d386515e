// The files of one run in containers, below the run's folder: the compose project, the Envoys'
// folders and the filters' modules.

import { chmod, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Secret } from "../../envoy/config/secret.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { AROUND_FILE, COMPOSE_FILE, ENV_FILE } from "./compose-cli.js";
import { secretText } from "./envoy-files.js";
import type { ContainerPlan, RunOptions } from "./plan.js";
import { ENVOYS_FOLDER, MODULES_FOLDER, moduleOf } from "./run-places.js";
import { envoyUser, isRoot, type RunSettings, settingValues } from "./run-settings.js";
import { secretFile } from "./sources.js";

/** Containers read these files as users of their own. */
const FOR_ALL = 0o755;

/** Copies the modules: a build of one must not change what runs. */
export async function copyModules(directory: string, modules: ReadonlyMap<string, string>): Promise<void> {
  const folder = path.join(directory, MODULES_FOLDER);
  await mkdir(folder, { recursive: true });
  await chmod(folder, FOR_ALL);
  for (const [filter, file] of modules) {
    const target = moduleOf(directory, filter);
    await copyFile(file, target);
    await chmod(target, 0o644);
  }
}

export async function writeProject(
  plan: ContainerPlan,
  { directory, settings, around }: RunOptions,
): Promise<void> {
  await writeAtomically(path.join(directory, COMPOSE_FILE), plan.composeFile);
  // What is put around a person's project has all values in the compose file itself.
  if (around !== undefined) return;
  await writeAtomically(path.join(directory, ENV_FILE), environment(directory, settings));
}

/** Writes a person's project as compose has read it. It may hold secrets. */
export async function writeAround(directory: string, text: string): Promise<void> {
  await writeFile(path.join(directory, AROUND_FILE), text, { mode: 0o600 });
}

/** Writes what the plan has for these Envoys. */
export async function writeEnvoys(
  directory: string,
  plan: ContainerPlan,
  isMeant: (envoy: string) => boolean,
): Promise<void> {
  for (const [file, text] of plan.envoyFiles) {
    const [envoy = ""] = file.split("/");
    if (isMeant(envoy)) await writeEnvoyFile(directory, file, text);
  }
}

/** @param file below the folder of all Envoys */
export async function writeEnvoyFile(directory: string, file: string, text: string): Promise<void> {
  const target = path.join(directory, ENVOYS_FOLDER, file);
  await mkdir(path.dirname(target), { recursive: true });
  await chmod(path.dirname(target), FOR_ALL);
  await writeChanged(target, text);
}

/**
 * Writes an Envoy's certificate with its key, or whom it trusts. Nobody reads it but that Envoy and
 * who started the mesh.
 */
export async function writeSecret(directory: string, envoy: string, secret: Secret): Promise<void> {
  const folder = path.join(directory, ENVOYS_FOLDER, envoy);
  await mkdir(folder, { recursive: true });
  await chmod(folder, FOR_ALL);
  await writeAtomically(path.join(folder, secretFile(secret.name)), secretText(secret), {
    mode: 0o600,
    ...(isRoot() ? { owner: { uid: envoyUser(envoy), gid: envoyUser(envoy) } } : {}),
  });
}

/** Envoy would take the same content for a change. */
async function writeChanged(file: string, content: string): Promise<void> {
  if ((await readFile(file, "utf8").catch(() => undefined)) !== content) await writeAtomically(file, content);
}

export async function removeEnvoys(directory: string, envoys: readonly string[]): Promise<void> {
  for (const envoy of envoys) {
    await rm(path.join(directory, ENVOYS_FOLDER, envoy), { recursive: true, force: true });
  }
}

function environment(directory: string, settings: RunSettings): string {
  return Object.entries(settingValues(directory, settings))
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}
