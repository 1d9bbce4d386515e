// Puts a folder, or a file beside it, in its place in one step.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../errors.js";
import { makeFolder } from "./folder.js";

export interface FolderFile {
  /** Relative to the folder, with `/`. */
  readonly name: string;
  readonly bytes: string | Uint8Array;
}

export interface FolderKind {
  /** The file by which a folder of this kind is known. */
  readonly mark: string;
  /** What such a folder is, with its article's noun: "image layout". */
  readonly kind: string;
  /** The option that names the folder, for errors. */
  readonly option: string;
}

/**
 * Writes the folder. A reader sees the old one or the new one, and a failure leaves neither half of
 * a folder nor a temporary file. An older folder of this kind is replaced.
 * @throws MeshwrightError `write-failed`, also where the place has something else
 */
export async function writeFolder(
  place: string,
  files: readonly FolderFile[],
  of: FolderKind,
): Promise<void> {
  await writeBeside(place, of.option, async (temporary) => {
    await refuseOther(place, of);
    await mkdir(temporary);
    for (const { name, bytes } of files) {
      await mkdir(path.dirname(path.join(temporary, name)), { recursive: true });
      await writeFile(path.join(temporary, name), bytes);
    }
    if (!existsSync(place)) return rename(temporary, place);
    const old = `${temporary}.old`;
    await rename(place, old);
    await rename(temporary, place).catch(async (error) => {
      await rename(old, place);
      throw error;
    });
    await rm(old, { recursive: true, force: true });
  });
}

/**
 * Calls `write` with a temporary name beside the place, which is removed where it fails.
 * @throws MeshwrightError `write-failed`
 */
export async function writeBeside(
  place: string,
  option: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const name = `.${path.basename(place)}.${randomBytes(6).toString("hex")}`;
  const temporary = path.join(path.dirname(place), name);
  try {
    await makeFolder(path.dirname(place));
    await write(temporary);
  } catch (error) {
    // Where even that fails, the first failure is the one to report.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    if (error instanceof MeshwrightError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "write-failed",
      `cannot write ${place} (${code ?? message}): make room, or name a folder that you may write to with ${option}`,
      [],
      { cause: error },
    );
  }
}

/** A folder of something else must not be lost because it has the same name. */
async function refuseOther(place: string, { mark, kind, option }: FolderKind): Promise<void> {
  if (!existsSync(place)) return;
  const isFolder = (await stat(place)).isDirectory();
  if (isFolder && (existsSync(path.join(place, mark)) || (await readdir(place)).length === 0)) return;
  throw new MeshwrightError(
    "write-failed",
    `cannot write ${place}: it exists and is no ${kind}; remove it, or choose another folder with ${option}`,
  );
}
