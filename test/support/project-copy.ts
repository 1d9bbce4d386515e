// A copy of one of the projects in compose-projects, with images and ports of this machine.

import { chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { docker } from "../../compose/containers/engine.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { projectImages } from "./project-images.js";

const PROJECTS = path.join(PACKAGE_ROOT, "test", "support", "compose-projects");
const PORT_NAMES = ["SHOP_PORT", "VOTE_PORT", "RESULT_PORT", "CHAT_PORT"] as const;

export interface ProjectCopy extends AsyncDisposable {
  readonly folder: string;
  /** The name of its containers. */
  readonly name: string;
  /** The ports that it publishes, by their variables. */
  readonly ports: Readonly<Record<(typeof PORT_NAMES)[number], number>>;
}

/** Disposing of it removes its volumes and its folder. */
export async function copyComposeProject(project: string): Promise<ProjectCopy> {
  const root = await mkdtemp(path.join(tmpdir(), "projects-"));
  await cp(PROJECTS, root, { recursive: true });
  // Containers read it as users of their own.
  await chmod(root, 0o755);
  const folder = path.join(root, project);
  const numbers = await freePorts(PORT_NAMES.length);
  const ports = Object.fromEntries(PORT_NAMES.map((name, i) => [name, numbers[i]])) as ProjectCopy["ports"];
  const name = path.basename(root).toLowerCase();
  const variables = { ...(await projectImages()), ...ports, COMPOSE_PROJECT_NAME: name };
  const lines = Object.entries(variables).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(path.join(folder, ".env"), lines.join(""));
  return {
    folder,
    name,
    ports,
    [Symbol.asyncDispose]: async () => {
      await docker(["compose", "-p", name, "down", "--volumes", "--remove-orphans", "--timeout", "1"]);
      await rm(root, { recursive: true, force: true });
    },
  };
}
