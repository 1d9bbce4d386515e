// Makes a folder and its parents, and fails where that is not possible.

import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Like `mkdir` with `recursive`. That one never returns where a file system answers "no such file"
 * to a new folder in an existing one, as Linux' /proc does. Rejects with the error of the folder
 * that could not be made.
 */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    await makeFolder(parent);
    // The parents exist now, whoever made them. A second "no such file" is therefore final.
    await makeOne(path);
  }
}

/** The same for a folder that nobody else may enter, whoever made it. */
export async function makePrivateFolder(path: string): Promise<void> {
  await makeFolder(path);
  await chmod(path, 0o700);
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !(await isFolder(path))) throw error;
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}
