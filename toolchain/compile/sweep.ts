// Removes files that a process left because it was killed while it compiled.

import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { isAlive } from "../../envoy/runtime/alive.js";

/**
 * Removes the files and folders directly below `folder` whose maker has ended. Creates the folder
 * if it is missing.
 * @param leftover matches their names; its first group is the process number of the maker
 */
export async function sweep(folder: string, leftover: RegExp): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const pid = leftover.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(path.join(folder, name), { recursive: true, force: true });
    }
  }
}
