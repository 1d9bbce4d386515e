// A copy of around-project, a compose project with a mesh file, that a test may edit and start.

import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { projectImages } from "./project-images.js";

const run = promisify(execFile);
const COMMAND_MS = 170_000;
const SOURCE = fileURLToPath(new URL("around-project", import.meta.url));

export interface AroundCopy extends AsyncDisposable {
  readonly folder: string;
  /** The mesh file. */
  readonly file: string;
  /** The name of the compose project. */
  readonly project: string;
  /** Replaces a text in a file of the folder, which must have it. */
  edit(name: string, from: string | RegExp, to: string): Promise<void>;
  /** Runs `docker compose` in the folder, as the project's owner would. */
  compose(...args: readonly string[]): Promise<string>;
}

/** Disposing of it removes the project with its volumes, and the folder. */
export async function copyAround(): Promise<AroundCopy> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "around-")));
  // Containers read it as users of their own.
  await chmod(folder, 0o755);
  await cp(SOURCE, folder, { recursive: true });
  const project = path.basename(folder).toLowerCase();
  const settings = Object.entries({ ...(await projectImages()), PROJECT: project });
  await writeFile(path.join(folder, ".env"), settings.map((each) => `${each.join("=")}\n`).join(""));
  const compose = async (...args: readonly string[]) => {
    const { stdout } = await run("docker", ["compose", ...args], { cwd: folder, timeout: COMMAND_MS });
    return stdout;
  };
  return {
    folder,
    file: path.join(folder, "mesh.yaml"),
    project,
    compose,
    edit: async (name, from, to) => {
      const file = path.join(folder, name);
      const text = await readFile(file, "utf8");
      const edited = text.replace(from, to);
      if (edited === text) throw new Error(`${name} has no ${from}`);
      await writeFile(file, edited);
    },
    [Symbol.asyncDispose]: async () => {
      await compose("down", "--volumes", "--remove-orphans", "--timeout", "1");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
