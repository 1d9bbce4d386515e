// Writes what was rendered into a folder from which an Envoy may run already: each file by a
// rename, so that Envoy takes the change of a filter's file at once.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { unifiedDiff } from "../diff/unified.js";
import type { EnvoyFile } from "../envoy/filters.js";

/** Lists the files that a run wrote, which another run may replace. */
const MARK = ".meshwright-render-envoy";

/**
 * Writes the files that are not the same already, the filters' files last. Returns the names of
 * those that it wrote.
 * @throws MeshwrightError `write-failed`, also where a file is there that no run wrote
 */
export async function writeEnvoyFiles(
  folder: string,
  files: readonly EnvoyFile[],
): Promise<readonly string[]> {
  const mark = path.join(folder, MARK);
  const known = new Set((await textOf(mark)).split("\n"));
  const foreign = files.find(({ name }) => existsSync(path.join(folder, name)) && !known.has(name));
  if (foreign !== undefined) {
    throw new MeshwrightError(
      "write-failed",
      `${path.join(folder, foreign.name)} is there, and no run of render wrote it: choose another folder for --output`,
    );
  }
  await writeAtomically(
    mark,
    [...new Set([...known, ...files.map(({ name }) => name)])].filter(Boolean).join("\n"),
  );
  const written: string[] = [];
  for (const { name, text } of files) {
    const place = path.join(folder, name);
    if ((await textOf(place)) === text) continue;
    await writeAtomically(place, text);
    written.push(name);
  }
  return written;
}

/**
 * The difference between files and what was rendered; empty where there is none.
 * @param place a folder with files of the same names, or the one file
 * @throws MeshwrightError `usage` where one file is compared with several
 */
export async function compareEnvoyFiles(place: string, files: readonly EnvoyFile[]): Promise<string> {
  if (!existsSync(place))
    throw new MeshwrightError("usage", `--diff ${place}: there is no such file or folder`);
  const isFile = await readFile(place).then(
    () => true,
    () => false,
  );
  if (isFile && files.length > 1) {
    throw new MeshwrightError("usage", `--diff ${place}: ${files.length} files are rendered; name a folder`);
  }
  const diffs = files.map(async ({ name, text }) => {
    const existing = isFile ? place : path.join(place, name);
    const before = await textOf(existing);
    return before === text ? "" : unifiedDiff(existing, `rendered ${name}`, before, text);
  });
  return (await Promise.all(diffs)).join("");
}

async function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}
