// What a module was compiled from. Its source map names every file and has its text.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { known, packageFile, textOf } from "./origin.js";

/** A file that the compiler read. */
export interface SourceFile {
  /** The compiler's name of it: a path below the package, or `~lib/…`. */
  readonly name: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A package of which the module has code. */
export interface CompiledPackage {
  readonly name: string;
  readonly version?: string;
  readonly licence?: string;
}

export interface Materials {
  /** In the order of their names. */
  readonly sources: readonly SourceFile[];
  /** Other packages than that of the module itself, in the order of their names. */
  readonly packages: readonly CompiledPackage[];
  /** The sources that are files of the package itself, as paths below its folder. */
  readonly own: readonly string[];
}

interface MapFile {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

const LIBRARY = "~lib/";
/** The package of the compiler, whose library is in `std/assembly`. */
const COMPILER = "assemblyscript";

/**
 * @param map the path of the module's source map
 * @param root the folder of the package in which it was compiled
 */
export async function materialsOf(map: string, root: string): Promise<Materials> {
  const { sources, sourcesContent = [] } = JSON.parse(await readFile(map, "utf8")) as MapFile;
  const files = sources.map((name, i) => ({ name, sha256: sha256(sourcesContent[i] ?? "") }));
  const names = new Set(sources.flatMap((name) => packageOf(name, root) ?? []));
  const packages = [...names].sort().map((name) => describe(name, root));
  return {
    sources: files.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    packages: await Promise.all(packages),
    own: sources.filter((name) => !name.startsWith(LIBRARY) && existsSync(path.join(root, name))).sort(),
  };
}

/** The package that a source is of; `undefined` for the module's own. */
function packageOf(source: string, root: string): string | undefined {
  // The map has the names by which an author imports files of meshwright.
  if (source.startsWith("meshwright/") && !existsSync(path.join(root, source))) return "meshwright";
  if (!source.startsWith(LIBRARY)) return undefined;
  const place = source.slice(LIBRARY.length);
  const [first = "", second = ""] = place.split("/");
  const name = first.startsWith("@") ? `${first}/${second}` : first;
  // A file of the compiler's library may have the same first word as a package.
  if (existsSync(path.join(folderOf(COMPILER, root) ?? "", "std/assembly", place))) return COMPILER;
  return folderOf(name, root) === undefined ? COMPILER : name;
}

async function describe(name: string, root: string): Promise<CompiledPackage> {
  const { version, license } = await packageFile(folderOf(name, root) ?? "");
  return { name, ...known("version", textOf(version)), ...known("licence", textOf(license)) };
}

/** Where a package is installed: like Node, in `node_modules` here or above; then ours. */
function folderOf(name: string, root: string): string | undefined {
  for (const start of [root, PACKAGE_ROOT]) {
    for (let folder = start; ; folder = path.dirname(folder)) {
      const place = path.join(folder, "node_modules", name);
      if (existsSync(path.join(place, "package.json"))) return place;
      if (folder === path.dirname(folder)) break;
    }
  }
  return undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
