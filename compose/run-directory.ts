// The folder of one run: configurations, filters' files and logs, below `.meshwright/` of the
// current folder. A lock on a file in it keeps two runs apart.

import { readdir, rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { describeHolder, tryLock } from "../envoy/runtime/lock.js";

const PARENT = ".meshwright";
const LOCK_FILE = "pid";
/** What a run leaves for the next one of its name: the authorities of its certificates. */
export const IDENTITY_FOLDER = "identity";

/** A claimed folder. Disposing of it, once or more often, removes it, unless `keep` was called. */
export interface RunDirectory extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** Keeps the folder for a person to look into. The next run of that name clears it away. */
  keep(): Promise<void>;
}

/** The folder of the run of that name. @param cwd absolute */
export function runFolder(name: string, cwd: string): string {
  return path.join(cwd, PARENT, name);
}

/** The certificates of a mesh's authorities, which clients may trust. @param directory the run's */
export function authorityFile(directory: string): string {
  return path.join(directory, IDENTITY_FOLDER, "root.pem");
}

/**
 * Claims the folder of that name, and clears away what a killed run left there. Throws
 * `MeshwrightError("already-running")` while the run that made it lives.
 */
export async function claimRunDirectory(name: string, cwd = process.cwd()): Promise<RunDirectory> {
  const parent = path.join(cwd, PARENT);
  const target = runFolder(name, cwd);
  const lockFile = path.join(target, LOCK_FILE);
  const lock = await tryLock(lockFile).catch((error: unknown) => {
    throw withAdvice(error, parent);
  });
  if (lock === undefined) {
    throw new MeshwrightError(
      "already-running",
      `"${name}" is already running in this folder (${describeHolder(lockFile)}): end it, or start from another folder`,
    );
  }
  try {
    await clear(target);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  let isOurs = true;
  return {
    path: target,
    keep: async () => {
      isOurs = false;
      lock[Symbol.dispose]();
    },
    [Symbol.asyncDispose]: async () => {
      if (!isOurs) return;
      isOurs = false;
      await clear(target);
      lock[Symbol.dispose]();
      // Another run may have claimed the folder meanwhile, or another mesh may run beside it. Then
      // the folder is not empty.
      await rmdir(target).catch(() => {});
      await rmdir(parent).catch(() => {});
    },
  };
}

/**
 * Removes everything except the authorities and the lock's file, which only the lock may remove. A
 * folder that somebody has removed already is left so.
 */
async function clear(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const names = found.filter((name) => name !== LOCK_FILE && name !== IDENTITY_FOLDER);
  // Processes of a run that was killed a moment ago may still write there.
  const how = { recursive: true, force: true, maxRetries: 20, retryDelay: 25 };
  try {
    await Promise.all(names.map((name) => rm(path.join(folder, name), how)));
  } catch (cause) {
    const { code = "", path: which = folder } = cause as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "write-failed",
      `cannot clear away ${which} (${code}): end what still writes there, or start from another folder`,
      [],
      { cause },
    );
  }
}

/** The lock cannot be made because its folder cannot. */
function withAdvice(error: unknown, parent: string): unknown {
  if (!(error instanceof MeshwrightError) || error.code !== "configuration") return error;
  const { code = "" } = error.cause as NodeJS.ErrnoException;
  return new MeshwrightError(
    "configuration",
    `cannot make the folder ${parent} (${code}): start from a folder that you may write to`,
    [],
    { cause: error },
  );
}
