// The files of one run in containers, below the run's folder: the compose project, the Envoys'
// folders and the filters' modules.

import { chmod, copyFile, mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Secret } from "../../envoy/config/secret.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { COMPOSE_FILE, ENV_FILE } from "./compose-cli.js";
import type { MeshImages } from "./engine.js";
import { secretText } from "./envoy-files.js";
import type { ContainerPlan } from "./plan.js";
import { ENVOYS_FOLDER, moduleFile } from "./run-places.js";
import { secretFile } from "./sources.js";

const MODULES_FOLDER = "modules";
/** Containers read these files as users of their own. */
const FOR_ALL = 0o755;
/** The user and the group of Envoys where root starts the mesh. */
const ENVOY_ID = 101;

export interface RunSettings {
  readonly images: MeshImages;
  readonly gatewayAddress: string;
  readonly gatewayPort: number;
  readonly statusPort: number;
}

/** Copies the modules: a build of one must not change what runs. */
export async function copyModules(directory: string, modules: ReadonlyMap<string, string>): Promise<void> {
  const folder = path.join(directory, MODULES_FOLDER);
  await mkdir(folder, { recursive: true });
  await chmod(folder, FOR_ALL);
  for (const [filter, file] of modules) {
    const target = path.join(folder, moduleFile(filter));
    await copyFile(file, target);
    await chmod(target, 0o644);
  }
}

export async function writeProject(
  directory: string,
  plan: ContainerPlan,
  settings: RunSettings,
): Promise<void> {
  await writeAtomically(path.join(directory, COMPOSE_FILE), plan.composeFile);
  await writeAtomically(path.join(directory, ENV_FILE), environment(directory, settings));
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
    ...(isRoot() ? { owner: { uid: ENVOY_ID, gid: ENVOY_ID } } : {}),
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

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function environment(directory: string, settings: RunSettings): string {
  const { images, gatewayAddress, gatewayPort, statusPort } = settings;
  const own = `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`;
  const values = {
    ...images,
    GATEWAY_ADDRESS: gatewayAddress.includes(":") ? `[${gatewayAddress}]` : gatewayAddress,
    GATEWAY_PORT: gatewayPort,
    STATUS_PORT: statusPort,
    MODULES: path.join(directory, MODULES_FOLDER),
    // An Envoy is never root. A service is who started the mesh, whose files it must read.
    ENVOY_USER: isRoot() ? `${ENVOY_ID}:${ENVOY_ID}` : own,
    APP_USER: own,
    ENVOY_MEMORY: "256m",
    ENVOY_CPUS: "1.0",
    APP_MEMORY: "1g",
    APP_CPUS: "2.0",
    HEALTH_INTERVAL: "2s",
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}
