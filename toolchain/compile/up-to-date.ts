// Whether a module is still what its sources make.

import { existsSync } from "node:fs";
import { readdir, readFile, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { debugModulePath } from "./compile.js";
import { fileOf, type Source } from "./source.js";
import { isLibrary } from "./source-map.js";

/**
 * Makes the module as old as the sources that were read: what is saved while it compiles is newer.
 */
export async function stamp(file: string, started: Date): Promise<void> {
  await utimes(file, started, started);
}

/**
 * Whether the module at `out`, its source map and its debug build are there, and newer than every
 * source.
 * @param source the entry file that is compiled
 * @param entries the files that it is made of, with what lies beside them; absolute paths
 * @param isEntry says of a source in its map, by its name and the text, whether it is the entry
 * file
 */
export async function isUpToDate(
  out: string,
  source: Source,
  entries: readonly string[],
  isEntry: (source: string, text: string) => boolean,
): Promise<boolean> {
  if (![out, `${out}.map`, debugModulePath(out)].every((file) => existsSync(file))) return false;
  const mapped = await mappedSources(out);
  const entry = [...mapped].find(([name, text]) => isEntry(name, text))?.[0];
  if (entry === undefined) return false;
  const sources = await sourcesOf(
    source,
    entries,
    [...mapped.keys()].filter((name) => name !== entry),
  );
  const built = (await stat(out)).mtimeMs;
  return (await Promise.all(sources.map(changedAt))).every((time) => time < built);
}

/** The map names the files that code comes from, but not those of constants alone. */
async function sourcesOf(
  source: Source,
  entries: readonly string[],
  mapped: readonly string[],
): Promise<readonly string[]> {
  return [
    path.join(source.sdkRoot, "asconfig.json"),
    ...mapped.map((name) => fileOf(source, name)),
    ...(await sourcesBelow(path.join(source.sdkRoot, "assembly"))),
    ...(await Promise.all(entries.map((file) => sourcesBelow(path.dirname(file))))).flat(),
  ];
}

/** From a source's name to the text that was compiled. */
async function mappedSources(out: string): Promise<ReadonlyMap<string, string>> {
  const { sources, sourcesContent } = JSON.parse(await readFile(`${out}.map`, "utf8")) as {
    readonly sources: readonly string[];
    readonly sourcesContent: readonly string[];
  };
  const pairs = sources.map((source, i): [string, string] => [source, sourcesContent[i] ?? ""]);
  return new Map(pairs.filter(([source]) => !isLibrary(source)));
}

/**
 * When the file was written or put in its place, in milliseconds since 1970; one that is gone
 * counts as changed. What comes out of a package has whatever time the package says.
 */
async function changedAt(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs, ctimeMs }) => Math.max(mtimeMs, ctimeMs),
    () => Number.POSITIVE_INFINITY,
  );
}

/**
 * The files below a folder that modules are made of; what is hidden, built, installed or a test is
 * none.
 */
async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return NO_SOURCES.test(entry.name) ? [] : sourcesBelow(place);
    return entry.name.endsWith(".ts") && !/\.(spec|test)\.ts$/.test(entry.name) ? [place] : [];
  });
  return (await Promise.all(found)).flat();
}

const NO_SOURCES = /^(\..*|node_modules|build|dist)$/;
