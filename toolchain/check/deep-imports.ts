// Finds imports of files that are not entries. The SDK's entries are those that package.json
// exports, which the compiler does not read.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { type Source, withShownNames } from "../compile/source.js";
import { SourceTree } from "./source-tree.js";

/** An import of a file of meshwright that is not an entry. */
interface DeepImport {
  /** The importing file, by its path below the package, and the line. */
  readonly place: string;
  /** The specifier as it is written. */
  readonly specifier: string;
  /** The file's path below meshwright's folder, without the extension. */
  readonly file: string;
  /** The imported names; empty where it imports all, or none. */
  readonly names: readonly string[];
}

/**
 * Throws `MeshwrightError("build")` where the author's own files import a file of meshwright that
 * is not an entry: a line for each, with the entry that has the imported names. In a checkout the
 * linter does this.
 */
export async function refuseDeepImports(source: Source): Promise<void> {
  if (source.sdk === "assembly/") return;
  const tree = await SourceTree.of(source);
  const entries = await entriesOf(source);
  const deep = deepImports(tree, source, entries);
  if (deep.length === 0) return;
  const names = exportedNames(tree, source, entries);
  throw new MeshwrightError(
    "build",
    `${source.entry} imports files of meshwright that are not entries`,
    deep.map(({ place, specifier, file, names: wanted }) => {
      const folder = file.startsWith("proxy-runtime") ? "proxy-runtime" : "assembly";
      return `${place} ${specifier} is not an entry: ${advice(wanted, folder, names)}`;
    }),
  );
}

/** The entries, such as `assembly/rules`, and their files below the package. */
type Entries = ReadonlyMap<string, string>;

async function entriesOf({ sdkRoot }: Source): Promise<Entries> {
  const { exports } = JSON.parse(await readFile(path.join(sdkRoot, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
  };
  const files = Object.entries(exports).map(([entry, target]): [string, string] => {
    const file = typeof target === "string" ? target : (target.types ?? "");
    return [entry.slice("./".length), file];
  });
  return new Map(files.filter(([, file]) => /(?<!\.d)\.ts$/.test(file)));
}

function deepImports(tree: SourceTree, source: Source, entries: Entries): readonly DeepImport[] {
  return tree.ownFiles().flatMap((importing) =>
    tree.parsed(importing).imports.flatMap(({ specifier, line, names }) => {
      const file = fileOfMeshwright(source, specifier, importing);
      // A path into node_modules makes even an entry a second copy, with contexts of its own.
      const isEntry = file !== undefined && entries.has(file) && !specifier.startsWith(".");
      if (file === undefined || isEntry) return [];
      const place = `${path.relative(source.root, importing).split(path.sep).join("/")}:${line}:`;
      return [{ place, specifier, file, names }];
    }),
  );
}

/**
 * The imported file below meshwright's folder, without the extension; undefined where it is
 * elsewhere.
 */
function fileOfMeshwright({ sdkRoot }: Source, specifier: string, importing: string): string | undefined {
  if (!specifier.startsWith(".")) return /^meshwright\/(.*)$/.exec(withShownNames(specifier))?.[1];
  const relative = path.relative(sdkRoot, path.resolve(path.dirname(importing), specifier));
  return relative.startsWith("..") ? undefined : relative.split(path.sep).join("/");
}

/** The names that each entry exports. */
function exportedNames(
  tree: SourceTree,
  { sdkRoot }: Source,
  entries: Entries,
): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    [...entries].map(([entry, file]) => [
      entry,
      new Set(tree.parsed(path.join(sdkRoot, file)).exports.keys()),
    ]),
  );
}

/** What to import instead of an internal file. */
function advice(
  wanted: readonly string[],
  folder: string,
  names: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  const entries = [...names].filter(([entry]) => entry.startsWith(folder));
  if (wanted.length === 0)
    return `the entries are ${entries.map(([entry]) => `meshwright/${entry}`).join(", ")}`;
  const places = new Map<string, string[]>();
  for (const name of wanted) {
    const entry = entries.find(([, exported]) => exported.has(name))?.[0];
    const place = entry === undefined ? "no entry" : `meshwright/${entry}`;
    places.set(place, [...(places.get(place) ?? []), name]);
  }
  return [...places].map(([place, found]) => `${place} has ${found.join(", ")}`).join("; ");
}
