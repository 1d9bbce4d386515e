// Writes a layout in one step: a reader sees the old one or the new one, and a failure leaves
// neither half of a layout nor a temporary file.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { makeFolder } from "../../envoy/runtime/folder.js";
import { type TarFile, tarOf } from "../image/tar.js";
import { LAYOUT_MARK } from "./layout.js";

/**
 * Writes it as a folder. An older layout there is replaced.
 * @throws MeshwrightError `write-failed`, also where the place has something that is no layout
 */
export async function writeLayout(place: string, files: readonly TarFile[]): Promise<void> {
  await writeBeside(place, async (temporary) => {
    await refuseOther(place);
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

/** Writes it as a tar archive. @throws MeshwrightError `write-failed` */
export async function writeLayoutTar(place: string, files: readonly TarFile[]): Promise<void> {
  await writeBeside(place, async (temporary) => {
    await writeFile(temporary, await tarOf(files));
    await rename(temporary, place);
  });
}

async function writeBeside(place: string, write: (temporary: string) => Promise<void>): Promise<void> {
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
      `cannot write ${place} (${code ?? message}): make room, or name a folder that you may write to with --out-dir`,
      [],
      { cause: error },
    );
  }
}

/** A folder of something else must not be lost because it has the name of an image. */
async function refuseOther(place: string): Promise<void> {
  if (!existsSync(place)) return;
  const isFolder = (await stat(place)).isDirectory();
  if (isFolder && (existsSync(path.join(place, LAYOUT_MARK)) || (await readdir(place)).length === 0)) return;
  throw new MeshwrightError(
    "write-failed",
    `cannot write ${place}: it exists and is no image layout; remove it, or choose another folder with --out-dir`,
  );
}
