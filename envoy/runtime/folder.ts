// Makes a folder with those above it, and fails where that cannot be done.

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Like `mkdir` with `recursive`, which never comes back in file systems that answer "no such file"
 * to a new folder in a folder that exists, as Linux' /proc does. Rejects with the error of the
 * folder that could not be made.
 */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    await makeFolder(parent);
    // Those above are there now, whoever made them: a second "no such file" is the file system's
    // last word.
    await makeOne(path);
  }
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
