// Compiles filters to proxy-wasm modules.

import { access, constants, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { inspectModule } from "../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { isCatalogName } from "../../filters/catalog.js";
import { DEFAULT_SIZE_BUDGET, type FilterDescriptor } from "../../filters/descriptor.js";
import { refuseFlaws, refuseOversize } from "../check/checks.js";
import { refuseDeepImports } from "../check/deep-imports.js";
import { type FilterPlace, findMember, type Member, refuseRepeated } from "../package/member.js";
import { type Compiled, compileEntry, debugModulePath, withSourceMapUrl } from "./compile.js";
import { prebuilt } from "./prebuilt.js";
import { IN_CHECKOUT, type Source, sourceAt, workspaceRoot } from "./source.js";
import { sweep } from "./sweep.js";
import { isUpToDate, stamp } from "./up-to-date.js";

/** A compiled filter. */
export interface BuiltFilter {
  readonly name: string;
  /** The module's file. */
  readonly path: string;
  /** The module's size. */
  readonly bytes: number;
  /** The host calls that it needs, by their ABI names. */
  readonly imports: readonly string[];
  /** The callbacks that Envoy will enter, by their ABI names. */
  readonly callbacks: readonly string[];
  /** How long the compiler took; 0 when the module was up to date. */
  readonly seconds: number;
  /** Whether the module was up to date already. */
  readonly upToDate: boolean;
}

/** The modules of the catalog: the published package has them, and in a checkout they are built. */
const CATALOG_MODULES = path.join(PACKAGE_ROOT, IN_CHECKOUT ? "build" : "dist/modules");

export interface BuildOptions {
  /** Where modules go. Default: `build` of the package that the filter is of. */
  readonly outDir?: string;
  /** Most bytes that a module may have. Default: the filter's own budget. */
  readonly sizeBudget?: number;
  /** Told when a filter's compilation starts and ends. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Where `buildFilters` puts the module of a catalog's filter, or of one of the package that is
 * worked in, unless told otherwise.
 */
export function modulePath(name: string, outDir = defaultOutDir(name)): string {
  return path.join(outDir, `${name}.wasm`);
}

function defaultOutDir(name: string): string {
  return isCatalogName(name) ? CATALOG_MODULES : path.join(workspaceRoot(), "build");
}

/** Where `buildFilters` puts a filter's module unless told otherwise, wherever the filter is. */
export function moduleOf({ name, isOwn, entry }: FilterPlace): string {
  return modulePath(name, isOwn ? path.join(sourceAt(entry).root, "build") : CATALOG_MODULES);
}

/**
 * Compiles the named filters, side by side, and writes the JSON Schema of each one's configuration
 * to `schemas/` beside the modules. Each is named as `findMember` takes it. To each NAME.wasm come
 * its source map, NAME.wasm.map, and NAME.debug.wasm, the same code with the functions' names. A
 * module newer than every source it is made of is left as it is; those of the catalog come built
 * with the published package. Throws `MeshwrightError("build")` as `compileModule` does, and for a
 * module over its size budget.
 */
export async function buildFilters(
  names: readonly string[],
  options: BuildOptions = {},
): Promise<readonly BuiltFilter[]> {
  const members = await Promise.all(names.map(findMember));
  refuseRepeated(members, "their modules would have one name");
  return Promise.all(members.map((member) => buildFilter(member, options)));
}

async function buildFilter(member: Member, options: BuildOptions): Promise<BuiltFilter> {
  const { name } = member;
  const sizeBudget = options.sizeBudget ?? member.sizeBudget ?? DEFAULT_SIZE_BUDGET;
  if (!member.isOwn && !IN_CHECKOUT) {
    const out = await prebuilt(name, CATALOG_MODULES, options.outDir);
    return describeBuild(name, out, { sizeBudget, upToDate: true, label: name }, async () => {});
  }
  const out = options.outDir === undefined ? moduleOf(member) : modulePath(name, options.outDir);
  await writeSchema(member, path.join(await schemaFolder(out), `${name}.schema.json`));
  const upToDate = await isBuilt(member, out);
  return describeBuild(name, out, { ...options, sizeBudget, upToDate, label: name }, () =>
    compileModule(member.entry, out, { debug: true, sizeBudget }),
  );
}

/** Whether the filter's module is at `out`, and newer than its sources. */
export function isBuilt({ entry }: FilterPlace, out: string): Promise<boolean> {
  const source = sourceAt(entry);
  return isUpToDate(out, source, [entry], (file) => file === source.entry);
}

interface Build extends BuildOptions {
  readonly sizeBudget: number;
  readonly upToDate: boolean;
  /** What the progress lines call it. */
  readonly label: string;
}

/** Compiles a module unless it is up to date, and says what there is to say of it. */
export async function describeBuild(
  name: string,
  out: string,
  { sizeBudget, upToDate, label, onProgress }: Build,
  compile: () => Promise<unknown>,
): Promise<BuiltFilter> {
  const started = performance.now();
  if (!upToDate) {
    onProgress?.(`compiling ${label} …`);
    await compile();
    onProgress?.(`compiled ${name}`);
  }
  const seconds = upToDate ? 0 : (performance.now() - started) / 1000;
  const { bytes, imports, callbacks } = inspectModule(await readFile(out));
  refuseOversize(name, bytes, sizeBudget);
  return { name, path: out, bytes, imports: imports.map((each) => each.name), callbacks, seconds, upToDate };
}

/**
 * Makes the folders of a module and of its schema, and returns the latter's path. Throws
 * `MeshwrightError("build")` where they cannot be written to.
 */
export async function schemaFolder(out: string): Promise<string> {
  const folder = path.join(path.dirname(out), "schemas");
  try {
    await mkdir(folder, { recursive: true });
    for (const each of [folder, path.dirname(out)]) await access(each, constants.W_OK);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshwrightError("build", `cannot write to ${path.dirname(out)}: ${reason}`);
  }
}

/** Writes the JSON Schema of a filter's configuration. */
export async function writeSchema(
  filter: Pick<FilterDescriptor, "name" | "summary" | "schema">,
  file: string,
): Promise<void> {
  const json = z.toJSONSchema(filter.schema, { io: "input", unrepresentable: "any" });
  const schema = { title: `${filter.name}: ${filter.summary}`, ...json };
  await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`);
}

export interface CompileOptions {
  /** Write the source map and the debug build too. Default: false. */
  readonly debug?: boolean;
  /** Most bytes that the module may have. Default: no limit. */
  readonly sizeBudget?: number;
  /**
   * The entry file is the toolkit's own, as a bundle's is, and may import any file of meshwright.
   * Default: false.
   */
  readonly ownEntry?: boolean;
}

/**
 * Compiles one entry file to a module, in the package that it is of. It is written beside `out` and
 * renamed, so that an Envoy or a test that reads `out` never sees half a module. Throws
 * `MeshwrightError("build")`, with the compiler's own lines as details or with the lines of source
 * that make a module that stock Envoy would refuse or never call.
 * @param entry an absolute path, or one below this package
 */
export async function compileModule(entry: string, out: string, options: CompileOptions = {}): Promise<void> {
  const started = new Date();
  const workFile = workFileOf(out);
  const source = sourceAt(path.resolve(PACKAGE_ROOT, entry));
  const compiled = await (options.ownEntry === true
    ? compileSound(source, out)
    : compileChecked(source, out));
  if (options.sizeBudget !== undefined)
    refuseOversize(path.basename(out, ".wasm"), compiled.release.length, options.sizeBudget);
  if (options.debug === true) await writeWithDebug(compiled, out, workFile);
  else await writeWhole(out, compiled.release, workFile);
  await stamp(out, started);
}

/** Compiles as `compileModule` does for `out`, and writes nothing. */
export async function compileChecked(source: Source, out: string): Promise<Compiled> {
  await refuseDeepImports(source);
  return compileSound(source, out);
}

async function compileSound(source: Source, out: string): Promise<Compiled> {
  await sweep(path.dirname(out), /\.wasm\.(\d+)\.partial\.wasm(?:\.map)?$/);
  const compiled = await compileEntry(source, workFileOf(out));
  await refuseFlaws({ source, workFile: workFileOf(out) }, compiled);
  return compiled;
}

function workFileOf(out: string): string {
  return `${out}.${process.pid}.partial.wasm`;
}

/** The module comes last: where it is up to date, so is what belongs to it. */
async function writeWithDebug(
  { release, debug, map }: Compiled,
  out: string,
  workFile: string,
): Promise<void> {
  const url = `${path.basename(out)}.map`;
  await writeWhole(`${out}.map`, map, workFile);
  await writeWhole(debugModulePath(out), withSourceMapUrl(debug, url), workFile);
  await writeWhole(out, withSourceMapUrl(release, url), workFile);
}

async function writeWhole(file: string, content: Uint8Array | string, workFile: string): Promise<void> {
  try {
    await writeFile(workFile, content);
    await rename(workFile, file);
  } finally {
    await rm(workFile, { force: true });
  }
}
