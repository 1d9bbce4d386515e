// Makes a folder with those above it, and fails where that cannot be done.

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Like `mkdir` with `recursive`, which never comes back in file systems that answer "no such file" to a new folder in a folder that exists, as
 * Linux' /proc does. Rejects with the error of the folder that could not be made.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await isFolder(path))) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(path);
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}
