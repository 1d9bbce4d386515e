// Compiles filters to proxy-wasm modules.

import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { inspectModule } from "../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { isCatalogName } from "../../filters/catalog.js";
import { DEFAULT_SIZE_BUDGET, type FilterDescriptor } from "../../filters/descriptor.js";
import { jsonSchemaOf } from "../../filters/shared/json-schema.js";
import { refuseFlaws, refuseOversize } from "../check/checks.js";
import { refuseDeepImports } from "../check/deep-imports.js";
import { type FilterPlace, findMember, type Member, refuseRepeated } from "../package/member.js";
import {
  type Compiled,
  compileEntry,
  debugModulePath,
  type EntryOptions,
  knownCompiled,
  type Optimization,
  withSourceMapUrl,
} from "./compile.js";
import { prebuilt } from "./prebuilt.js";
import { IN_CHECKOUT, type Source, sourceAt, workspaceRoot } from "./source.js";

/** A compiled filter. */
export interface BuiltFilter {
  readonly name: string;
  /** The module's file. */
  readonly path: string;
  /** The module's size. */
  readonly bytes: number;
  /** The host calls that it needs, by their ABI names. */
  readonly imports: readonly string[];
  /** The callbacks that Envoy will call, by their ABI names. */
  readonly callbacks: readonly string[];
  /** How long it took; 0 when the module was up to date. */
  readonly seconds: number;
  /** Whether the module already existed and matches its sources. */
  readonly upToDate: boolean;
}

/** The catalog's modules: the published package has them, and in a checkout they are built. */
const CATALOG_MODULES = path.join(PACKAGE_ROOT, IN_CHECKOUT ? "build" : "dist/modules");

export interface BuildOptions {
  /** The folder for modules. Default: `build` of the filter's package. */
  readonly outDir?: string;
  /** The most bytes that a module may have. Default: the filter's own budget. */
  readonly sizeBudget?: number;
  /**
   * Called with a line when a filter's compilation starts and ends, and when its module comes from
   * the cache.
   */
  readonly onProgress?: (line: string) => void;
}

/**
 * Where `buildFilters` puts the module of a filter of the catalog or of the current package by
 * default.
 */
export function modulePath(name: string, outDir = defaultOutDir(name)): string {
  return path.join(outDir, `${name}.wasm`);
}

function defaultOutDir(name: string): string {
  return isCatalogName(name) ? CATALOG_MODULES : path.join(workspaceRoot(), "build");
}

/** Where `buildFilters` puts a filter's module by default, wherever the filter is. */
export function moduleOf({ name, isOwn, entry }: FilterPlace): string {
  return modulePath(name, isOwn ? path.join(sourceAt(entry).root, "build") : CATALOG_MODULES);
}

/**
 * Compiles the named filters in parallel, and writes the JSON Schema of each filter's configuration
 * to `schemas/` beside the modules. Each filter is named as `findMember` expects it. Each NAME.wasm
 * gets its source map, NAME.wasm.map, and NAME.debug.wasm, the same code with the functions' names.
 * A module that matches its sources is left as it is; the published package has those of the
 * catalog. Throws `MeshwrightError("build")` like `compileModule`, and for a module over its size
 * budget.
 */
export async function buildFilters(
  names: readonly string[],
  options: BuildOptions = {},
): Promise<readonly BuiltFilter[]> {
  const members = await Promise.all(names.map((name) => findMember(name)));
  refuseRepeated(members, "their modules would have the same name");
  return Promise.all(members.map((member) => buildFilter(member, options)));
}

async function buildFilter(member: Member, options: BuildOptions): Promise<BuiltFilter> {
  const { name } = member;
  const sizeBudget = options.sizeBudget ?? member.sizeBudget ?? DEFAULT_SIZE_BUDGET;
  if (!member.isOwn && !IN_CHECKOUT) {
    const out = await prebuilt(name, CATALOG_MODULES, options.outDir);
    const built = await describeBuilt(name, out, 0);
    refuseOversize(name, built.bytes, sizeBudget);
    return built;
  }
  const out = options.outDir === undefined ? moduleOf(member) : modulePath(name, options.outDir);
  await writeSchema(member, path.join(await schemaFolder(out), `${name}.schema.json`));
  return buildModule(sourceAt(member.entry), out, { ...options, sizeBudget, name, label: name });
}

/** Whether the filter's module is at `out` and matches its sources. */
export function isBuilt({ entry }: FilterPlace, out: string): Promise<boolean> {
  return isWritten(sourceAt(entry), out);
}

async function isWritten(source: Source, out: string): Promise<boolean> {
  const compiled = await knownCompiled(source);
  return compiled !== undefined && (await areWritten(filesOf(compiled, out, true)));
}

interface Build extends BuildOptions {
  readonly name: string;
  readonly sizeBudget: number;
  /** What the progress lines call it. */
  readonly label: string;
}

/**
 * Builds a module, its source map and its debug build, and describes it. Throws like
 * `compileModule`.
 */
export async function buildModule(source: Source, out: string, build: Build): Promise<BuiltFilter> {
  const { name, label, sizeBudget, onProgress } = build;
  let started = performance.now();
  if (await isWritten(source, out)) {
    const built = await describeBuilt(name, out, 0);
    refuseOversize(name, built.bytes, sizeBudget);
    return built;
  }
  let isCompiledHere = false;
  const onCompile = () => {
    isCompiledHere = true;
    // It had to wait for a free core.
    started = performance.now();
    onProgress?.(`compiling ${label} …`);
  };
  await compileTo(source, out, { debug: true, sizeBudget, onCompile });
  onProgress?.(isCompiledHere ? `compiled ${name}` : `took ${name} from the cache: it was compiled before`);
  return describeBuilt(name, out, (performance.now() - started) / 1000);
}

/** @param seconds 0 where the module was up to date */
async function describeBuilt(name: string, out: string, seconds: number): Promise<BuiltFilter> {
  const { bytes, imports, callbacks } = inspectModule(await readFile(out));
  const upToDate = seconds === 0;
  return { name, path: out, bytes, imports: imports.map((each) => each.name), callbacks, seconds, upToDate };
}

/**
 * Makes the folders of a module and of its schema, and returns the schema's path. Throws
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
  comment?: string,
): Promise<void> {
  const schema = {
    title: `${filter.name}: ${filter.summary}`,
    ...(comment === undefined ? {} : { $comment: comment }),
    ...jsonSchemaOf(filter.schema),
  };
  await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`);
}

export interface CompileOptions {
  /** Also write the source map and the debug build. Default: false. */
  readonly debug?: boolean;
  /** Default: `release`. */
  readonly optimization?: Optimization;
  /** The most bytes that the module may have. Default: no limit. */
  readonly sizeBudget?: number;
}

/**
 * Compiles one entry file to a module, in its package. Each file is written beside its place and
 * renamed, so that an Envoy or a test never sees half a module. Throws `MeshwrightError("build")`,
 * whose details are the compiler's own lines, or the lines of source for which stock Envoy would
 * refuse the module or never call it.
 * @param entry an absolute path, or one below this package
 */
export async function compileModule(entry: string, out: string, options: CompileOptions = {}): Promise<void> {
  await compileTo(sourceAt(path.resolve(PACKAGE_ROOT, entry)), out, options);
}

/** Like `compileModule`, for a source. */
export async function compileTo(
  source: Source,
  out: string,
  options: CompileOptions & { readonly onCompile?: () => void } = {},
): Promise<void> {
  const { debug = false, sizeBudget, ...how } = options;
  const compiled = await compileChecked(source, how);
  if (sizeBudget !== undefined) {
    refuseOversize(path.basename(out, ".wasm"), compiled.release.length, sizeBudget);
  }
  await mkdir(path.dirname(out), { recursive: true });
  for (const [file, content] of filesOf(compiled, out, debug)) await writeAtomically(file, content);
}

/** Compiles like `compileModule`, and writes nothing. */
export async function compileChecked(source: Source, how: EntryOptions = {}): Promise<Compiled> {
  // A generated entry file may import any file of meshwright.
  if (source.text === undefined) await refuseDeepImports(source);
  const compiled = await compileEntry(source, how);
  await refuseFlaws(source, compiled);
  return compiled;
}

type ModuleFile = readonly [file: string, content: Uint8Array];

/** The module is written last: where it is new, its other files are new too. */
function filesOf({ release, debug, map }: Compiled, out: string, withDebug: boolean): readonly ModuleFile[] {
  if (!withDebug) return [[out, release]];
  const url = `${path.basename(out)}.map`;
  return [
    [`${out}.map`, Buffer.from(map)],
    [debugModulePath(out), withSourceMapUrl(debug, url)],
    [out, withSourceMapUrl(release, url)],
  ];
}

/** Whether each file exists with its content. */
async function areWritten(files: readonly ModuleFile[]): Promise<boolean> {
  for (const [file, content] of files) {
    const there = await readFile(file).catch(() => undefined);
    if (there === undefined || !there.equals(content)) return false;
  }
  return true;
}
