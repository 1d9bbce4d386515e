// Whether a module is still what its sources make.

import { existsSync } from "node:fs";
import { readdir, readFile, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { debugModulePath } from "./compile.js";
import { isLibrary } from "./source-map.js";

/** Makes the module as old as the sources that were read: what is saved while it compiles is newer. */
export async function stamp(file: string, started: Date): Promise<void> {
  await utimes(file, started, started);
}

/**
 * Whether the module at `out`, its source map and its debug build are there, and newer than every source.
 * @param entries the files that it is made of, with what lies beside them; absolute paths
 * @param isEntry says of a source in its map, by the path below this package and the text, whether it is the entry file
 */
export async function isUpToDate(
  out: string,
  entries: readonly string[],
  isEntry: (source: string, text: string) => boolean,
): Promise<boolean> {
  if (![out, `${out}.map`, debugModulePath(out)].every((file) => existsSync(file))) return false;
  const mapped = await mappedSources(out);
  const entry = [...mapped].find(([source, text]) => isEntry(source, text))?.[0];
  if (entry === undefined) return false;
  const sources = [
    path.join(PACKAGE_ROOT, "asconfig.json"),
    // The map names the files that code comes from, but not those of constants alone.
    ...[...mapped.keys()]
      .filter((source) => source !== entry)
      .map((source) => path.join(PACKAGE_ROOT, source)),
    ...(await sourcesBelow(path.join(PACKAGE_ROOT, "assembly"))),
    ...(await Promise.all(entries.map((file) => sourcesBelow(path.dirname(file))))).flat(),
  ];
  const built = (await stat(out)).mtimeMs;
  return (await Promise.all(sources.map(changedAt))).every((time) => time < built);
}

/** From the path below this package to the text that was compiled. */
async function mappedSources(out: string): Promise<ReadonlyMap<string, string>> {
  const { sources, sourcesContent } = JSON.parse(await readFile(`${out}.map`, "utf8")) as {
    readonly sources: readonly string[];
    readonly sourcesContent: readonly string[];
  };
  const pairs = sources.map((source, i): [string, string] => [source, sourcesContent[i] ?? ""]);
  return new Map(pairs.filter(([source]) => !isLibrary(source)));
}

/** When the file was written, in milliseconds since 1970; one that is gone counts as changed. */
async function changedAt(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
}

async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => path.join(folder, entry));
}
