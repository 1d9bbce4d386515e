// A place for the socket of the discovery server. It is not in the run's folder: a socket's path
// has about a hundred characters at most, and a mesh outlives the loss of that folder.

import { createHash } from "node:crypto";
import { lstat, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";

export interface PrivateSocket extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a folder that only this user may enter, for a socket of the run whose folder this is.
 * Disposing of it removes it, and so does the next run after one that was killed.
 * @throws MeshwrightError `write-failed` where somebody else has made that folder
 */
export async function privateSocket(directory: string): Promise<PrivateSocket> {
  const run = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const folder = path.join(tmpdir(), `meshwright-${run}`);
  if (await isOurs(folder)) await rm(folder, { recursive: true, force: true });
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "write-failed",
      `cannot make the folder ${folder} (${code}), in which Envoys get their keys: remove it, or set TMPDIR to a folder of your own`,
      [],
      { cause },
    );
  }
  return {
    path: path.join(folder, "discovery.sock"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Anybody may make a folder, or a link to one, where all users have temporary files. */
async function isOurs(folder: string): Promise<boolean> {
  const facts = await lstat(folder).catch(() => undefined);
  return facts?.isDirectory() === true && facts.uid === process.getuid?.();
}
