// The folder of one run: configurations, filters' files and logs, below `.meshwright/` of the
// current folder. A file with the process id in it keeps two runs apart, and tells a run that was
// killed from one that lives.

import { mkdtemp, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { isAlive } from "../envoy/runtime/alive.js";
import { makeFolder } from "../envoy/runtime/folder.js";

const PARENT = ".meshwright";
const PID_FILE = "pid";

/** A claimed folder. Disposing of it removes it, unless `keep` was called. */
export interface RunDirectory extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** Leaves the folder for a person to look into; the next run of that name clears it away. */
  keep(): Promise<void>;
}

/**
 * Claims the folder of that name, and clears away what a killed run left there.
 * Throws `MeshwrightError("already-running")` when the run that made it still lives.
 */
export async function claimRunDirectory(name: string, cwd = process.cwd()): Promise<RunDirectory> {
  const parent = path.join(cwd, PARENT);
  const target = path.join(parent, name);
  await makeParent(parent);
  // Made complete and then renamed: at no time is there a folder without its process id that
  // another run could take for a dead one's.
  const fresh = await mkdtemp(path.join(parent, `.${name}-`));
  await writeFile(path.join(fresh, PID_FILE), String(process.pid));
  try {
    while (!(await renameOnto(fresh, target))) await clearDead(target, name);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  let kept = false;
  return {
    path: target,
    keep: async () => {
      kept = true;
      await rm(path.join(target, PID_FILE), { force: true });
    },
    [Symbol.asyncDispose]: async () => {
      if (kept) return;
      await rm(target, { recursive: true, force: true });
      // The last one out takes the parent along; it is not empty while another mesh runs here.
      await rmdir(parent).catch(() => {});
    },
  };
}

async function makeParent(parent: string): Promise<void> {
  try {
    await makeFolder(parent);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new MeshwrightError(
      "configuration",
      `cannot make the folder ${parent} (${reason}): start from a folder that you may write to`,
      [],
      { cause: error },
    );
  }
}

async function renameOnto(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

async function clearDead(target: string, name: string): Promise<void> {
  const pid = Number(await readFile(path.join(target, PID_FILE), "utf8").catch(() => ""));
  if (pid > 0 && isAlive(pid)) {
    throw new MeshwrightError(
      "already-running",
      `"${name}" is already running in this folder (pid ${pid}): end it, or start from another folder; if ${pid} is another program, remove ${target}`,
    );
  }
  await rm(target, { recursive: true, force: true });
}
