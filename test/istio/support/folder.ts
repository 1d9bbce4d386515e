// A folder for what a program writes.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startGuard } from "../../../envoy/runtime/guard.js";

/** Disposing of it removes it, and so does the end of this process, however it ends. */
export interface GuardedFolder extends AsyncDisposable {
  readonly path: string;
}

export async function guardedFolder(name: string): Promise<GuardedFolder> {
  const directory = await mkdtemp(path.join(tmpdir(), `meshwright-${name}-`));
  const guard = startGuard({ directory });
  return {
    path: directory,
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
      guard.release();
    },
  };
}
