// Chooses what a mesh runs as: containers or processes.

import { MeshwrightError } from "../../envoy/errors.js";
import { readMesh } from "../mesh/file.js";
import { urlsOf } from "../mesh/instances.js";
import type { StartMeshOptions } from "../mesh/prepare.js";
import type { Mesh } from "../mesh/shape.js";
import { startMesh } from "../mesh/up.js";
import type { UpMesh } from "../up-mesh.js";
import { isAround } from "./around/around.js";
import { findComposeEngine, whyNoContainers } from "./engine.js";
import { containerProblems } from "./runnable.js";
import { startContainers } from "./start.js";

export const ENGINES = ["container", "process"] as const;

/** What a mesh runs as. */
export type EngineKind = (typeof ENGINES)[number];

/**
 * Starts a mesh as what was asked for; otherwise in containers where an engine answers, the images
 * are on this machine and the mesh file's services have one, and as processes elsewhere. Throws as
 * `startMesh` and `startContainers`.
 */
export async function startUp(options: StartMeshOptions & { readonly engine?: EngineKind }): Promise<UpMesh> {
  const kind = options.engine ?? (await defaultEngine(options));
  return kind === "container" ? startContainers(options) : startMesh(options);
}

async function defaultEngine({ file, onEvent = () => {} }: StartMeshOptions): Promise<EngineKind> {
  const mesh = await readMesh(file).catch(() => undefined);
  if (mesh !== undefined && isAround(mesh)) return "container";
  if (!(await answers())) return "process";
  const why = (await whyNoContainers()) ?? (mesh && whyNotThis(mesh));
  if (why === undefined) return "container";
  onEvent({ kind: "progress", text: `Runs as processes: ${why} (--engine container says more)` });
  return "process";
}

/** Without an engine nothing is said: most people then want none. */
async function answers(): Promise<boolean> {
  try {
    await findComposeEngine();
    return true;
  } catch (error) {
    if (error instanceof MeshwrightError) return false;
    throw error;
  }
}

/** A file with mistakes is reported by the start itself. */
function whyNotThis(mesh: Mesh): string | undefined {
  if (containerProblems(mesh).length > 0) return "the mesh file names no image for one of its commands";
  const versions = Object.values(mesh.services).flatMap((service) => Object.values(service.versions));
  // A container reaches no service that listens on this machine's loopback.
  return versions.some((how) => urlsOf(how).length > 0)
    ? "a service of the mesh file runs by itself"
    : undefined;
}
