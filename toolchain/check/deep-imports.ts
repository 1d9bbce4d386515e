// The SDK's entries are what package.json exports. The compiler does not read that, so the build
// asks its parser what an author's files import.

import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Source as ParsedFile, Program, Statement } from "assemblyscript";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Source } from "../compile/source.js";

/** The compiler's parser, which takes half a second to load. */
type Parser = typeof import("assemblyscript");

/** An import or a re-export of another file. */
interface Import {
  /** The file that has it, by its path below the package, and the line. */
  readonly place: string;
  /** As it stands there. */
  readonly specifier: string;
  /** As the compiler takes it: a path below the package, or one that begins with `~lib/`. */
  readonly path: string;
  /** The names that it takes; empty where it takes all, or none. */
  readonly names: readonly string[];
}

/**
 * Throws `MeshwrightError("build")` where the author's own files import a file of meshwright that
 * is no entry of it: a line for each, with the entry that has what it asks for. In a checkout the
 * linter sees to that.
 */
export async function refuseDeepImports(source: Source): Promise<void> {
  if (source.sdk === "assembly/") return;
  const parser = await import("assemblyscript");
  const entries = await entriesOf(source);
  const deep = (await ownImports(parser, source)).flatMap((each) => {
    const file = fileOfMeshwright(source, each.path);
    // By a path into node_modules even an entry would be another copy, with contexts of its own.
    const isEntry = file !== undefined && entries.has(file) && each.path.startsWith("~lib/");
    return file === undefined || isEntry ? [] : [{ ...each, file }];
  });
  if (deep.length === 0) return;
  const names = await exportedNames(parser, source, entries);
  throw new MeshwrightError(
    "build",
    `${source.entry} imports what is not an entry of meshwright`,
    deep.map(({ place, specifier, file, names: wanted }) => {
      const folder = file.startsWith("proxy-runtime") ? "proxy-runtime" : "assembly";
      return `${place} ${specifier} is not an entry: ${advice(wanted, folder, names)}`;
    }),
  );
}

/** From an entry, as `assembly/rules`, to its file below the package. */
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

/**
 * What an import comes to below meshwright's folder, without the extension; undefined where that is
 * elsewhere.
 */
function fileOfMeshwright({ root, sdkRoot }: Source, imported: string): string | undefined {
  if (imported.startsWith("~lib/")) return /^~lib\/meshwright\/(.*)$/.exec(imported)?.[1];
  const relative = path.relative(sdkRoot, path.resolve(root, imported));
  return relative.startsWith("..") ? undefined : relative.split(path.sep).join("/");
}

/** The imports of the entry file and of all files of the package that these lead to. */
async function ownImports(parser: Parser, source: Source): Promise<readonly Import[]> {
  const program = parser.newProgram(parser.newOptions());
  const found: Import[] = [];
  let next: string | null = source.entry.replace(/\.ts$/, "");
  for (let isEntry = true; next !== null; isEntry = false) {
    const isOwn = !next.startsWith("~lib/") && fileOfMeshwright(source, next) === undefined;
    const file = isOwn ? await parse(parser, program, source.root, next, isEntry) : undefined;
    if (file !== undefined) found.push(...file.statements.flatMap((each) => importIn(parser, file, each)));
    next = parser.nextFile(program);
  }
  return found;
}

/**
 * Parses `NAME.ts` or `NAME/index.ts`; undefined where there is neither: the compiler will say so.
 */
async function parse(
  parser: Parser,
  program: Program,
  folder: string,
  name: string,
  isEntry: boolean,
): Promise<ParsedFile | undefined> {
  for (const file of [`${name}.ts`, `${name}/index.ts`]) {
    const text = await readFile(path.join(folder, file), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    parser.parse(program, text, file, isEntry);
    return program.sources.at(-1);
  }
  return undefined;
}

function importIn(parser: Parser, file: ParsedFile, statement: Statement): readonly Import[] {
  const { ImportStatement, ExportStatement } = parser;
  const isImport = statement instanceof ImportStatement;
  if (!isImport && !(statement instanceof ExportStatement)) return [];
  if (statement.path === null || statement.internalPath === null) return [];
  const names = isImport
    ? statement.declarations?.map((each) => each.foreignName.text)
    : statement.members?.map((each) => each.localName.text);
  const place = `${file.normalizedPath}:${file.lineAt(statement.path.range.start)}:`;
  const { value } = statement.path;
  return [{ place, specifier: value, path: statement.internalPath, names: names ?? [] }];
}

/** From each entry to the names that it exports. */
async function exportedNames(
  parser: Parser,
  { sdkRoot }: Source,
  entries: Entries,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const named = [...entries].map(async ([entry, file]) => {
    const program = parser.newProgram(parser.newOptions());
    const parsed = await parse(parser, program, sdkRoot, file.replace(/^\.\/|\.ts$/g, ""), true);
    return [entry, new Set(parsed?.statements.flatMap((each) => namesIn(parser, each)))] as const;
  });
  return new Map(await Promise.all(named));
}

function namesIn(parser: Parser, statement: Statement): readonly string[] {
  if (statement instanceof parser.ExportStatement) {
    return statement.members?.map((each) => each.exportedName.text) ?? [];
  }
  // A const enum to the compiler's own sources, an object to everybody else.
  const { CommonFlags } = parser as unknown as { readonly CommonFlags: { readonly Export: number } };
  const isDeclaration = statement instanceof parser.DeclarationStatement;
  return isDeclaration && statement.is(CommonFlags.Export) ? [statement.name.text] : [];
}

/** What to import in place of what is internal. */
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
