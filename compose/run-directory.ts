// The folder of one run: configurations, filters' files and logs, below `.meshwright/` of the
// current folder. A lock beside it keeps two runs apart.

import { rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { makeFolder } from "../envoy/runtime/folder.js";
import { describeHolder, tryLock } from "../envoy/runtime/lock.js";

const PARENT = ".meshwright";

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
  const lockFile = path.join(parent, `.${name}.lock`);
  const lock = await tryLock(lockFile);
  if (lock === undefined) {
    throw new MeshwrightError(
      "already-running",
      `"${name}" is already running in this folder (${describeHolder(lockFile)}): end it, or start from another folder`,
    );
  }
  try {
    await rm(target, { recursive: true, force: true });
    await makeFolder(target);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  let kept = false;
  return {
    path: target,
    keep: async () => {
      kept = true;
      lock[Symbol.dispose]();
    },
    [Symbol.asyncDispose]: async () => {
      if (kept) return;
      await rm(target, { recursive: true, force: true });
      lock[Symbol.dispose]();
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
