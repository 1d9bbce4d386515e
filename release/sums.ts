// The sums by which a download is checked.

import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { digestOf } from "../oci/image/descriptor.js";

/** The file that `sha256sum -c` reads. */
export const SUMS = "SHA256SUMS";

/** Writes the SHA-256 of every other file of the folder, in the order of their names. */
export async function writeSums(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name !== SUMS).sort();
  const lines: string[] = [];
  for (const name of names) {
    const digest = digestOf(await readFile(path.join(folder, name)));
    // Two blanks are the mark of a file that is read as it is.
    lines.push(`${digest.slice("sha256:".length)}  ${name}\n`);
  }
  await writeFile(path.join(folder, SUMS), lines.join(""));
  return names;
}
