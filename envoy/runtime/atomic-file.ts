// Puts a file in its place in one step.

import { randomBytes } from "node:crypto";
import { chmod, chown, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MeshwrightError } from "../errors.js";
import { makeFolder } from "./folder.js";

export interface FileAccess {
  /** Default: 0644. */
  readonly mode?: number;
  /** Ids of a user and a group. Default: those of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Puts a file in its place by a rename: a reader sees the old content or the new. Makes its folder.
 * @throws MeshwrightError `write-failed`; the old file stays
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  access: FileAccess = {},
): Promise<void> {
  const { mode = 0o644, owner } = access;
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    await makeFolder(dirname(path));
    await writeFile(temporary, content, { mode });
    // Containers read it as users of their own, whatever this process's umask says.
    await chmod(temporary, mode);
    if (owner !== undefined) await chown(temporary, owner.uid, owner.gid);
    await rename(temporary, path);
  } catch (error) {
    // Where even that fails, the first failure is the one to report.
    await rm(temporary, { force: true }).catch(() => {});
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "write-failed",
      `cannot write ${path} (${code ?? message}): make room, or a folder that you may write to`,
      [],
      { cause: error },
    );
  }
}
