// Compiles filters to proxy-wasm modules.

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { inspectModule } from "../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { isAlive } from "../envoy/runtime/alive.js";
import { DEFAULT_SIZE_BUDGET, type FilterRoom, findFilter } from "./catalog.js";
import { refuseFlaws, refuseOversize } from "./checks.js";
import { type Compiled, compileEntry, withSourceMapUrl } from "./compile.js";

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

export interface BuildOptions {
  /** Where modules go. Default: `build` of this package. */
  readonly outDir?: string;
  /** Most bytes that a module may have. Default: the filter's own budget. */
  readonly sizeBudget?: number;
  /** Told when a filter's compilation starts and ends. */
  readonly onProgress?: (line: string) => void;
}

/** Where `buildFilters` puts a filter's module unless told otherwise. */
export function modulePath(name: string, outDir = path.join(PACKAGE_ROOT, "build")): string {
  return path.join(outDir, `${name}.wasm`);
}

/**
 * Compiles the named filters, side by side, and writes the JSON Schema of each one's configuration to `schemas/` beside the modules. To each
 * NAME.wasm come its source map, NAME.wasm.map, and NAME.debug.wasm, the same code with the functions' names. A module newer than every source
 * it is made of is left as it is. Throws `MeshwrightError("build")` as `compileModule` does, and for a module over its size budget.
 */
export async function buildFilters(
  names: readonly string[],
  options: BuildOptions = {},
): Promise<readonly BuiltFilter[]> {
  const rooms = names.map(findFilter);
  return Promise.all(rooms.map((room) => buildFilter(room, options)));
}

async function buildFilter(room: FilterRoom, options: BuildOptions): Promise<BuiltFilter> {
  const out = modulePath(room.name, options.outDir);
  await mkdir(path.join(path.dirname(out), "schemas"), { recursive: true });
  await writeSchema(room, path.join(path.dirname(out), "schemas", `${room.name}.schema.json`));
  const budget = options.sizeBudget ?? room.sizeBudget ?? DEFAULT_SIZE_BUDGET;
  const upToDate = await isUpToDate(out, room.name);
  const started = performance.now();
  if (!upToDate) {
    options.onProgress?.(`compiling ${room.name} …`);
    await compileModule(`filters/${room.name}/index.ts`, out, { debug: true, sizeBudget: budget });
    options.onProgress?.(`compiled ${room.name}`);
  }
  const seconds = upToDate ? 0 : (performance.now() - started) / 1000;
  const built = { ...(await describeModule(room.name, out)), seconds, upToDate };
  refuseOversize(room.name, built.bytes, budget);
  return built;
}

/** What there is to say of a module that was built. */
export async function describeModule(
  name: string,
  file: string,
): Promise<Omit<BuiltFilter, "seconds" | "upToDate">> {
  const { bytes, imports, callbacks } = inspectModule(await readFile(file));
  return { name, path: file, bytes, imports: imports.map((entry) => entry.name), callbacks };
}

/** Writes the JSON Schema of a filter's configuration. */
export async function writeSchema(room: FilterRoom, file: string): Promise<void> {
  const schema = { title: `${room.name}: ${room.summary}`, ...z.toJSONSchema(room.schema, { io: "input" }) };
  await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`);
}

export interface CompileOptions {
  /** Write the source map and the debug build too. Default: false. */
  readonly debug?: boolean;
  /** Most bytes that the module may have. Default: no limit. */
  readonly sizeBudget?: number;
}

/** Where the same code with the functions' names goes. */
export function debugModulePath(out: string): string {
  return out.replace(/(\.wasm)?$/, ".debug.wasm");
}

/**
 * Compiles one entry file, a path below this package, to a module. It is written beside `out` and renamed, so that an Envoy or a test that reads
 * `out` never sees half a module. Throws `MeshwrightError("build")`, with the compiler's own lines as details or with the lines of source that make
 * a module that stock Envoy would refuse or never call.
 */
export async function compileModule(entry: string, out: string, options: CompileOptions = {}): Promise<void> {
  const workFile = `${out}.${process.pid}.partial.wasm`;
  await sweepPartials(out);
  const compiled = await compileEntry(entry, workFile);
  await refuseFlaws({ entry, workFile }, compiled);
  if (options.sizeBudget !== undefined) refuseOversize(entry, compiled.release.length, options.sizeBudget);
  if (options.debug === true) await writeWithDebug(compiled, out, workFile);
  else await writeWhole(out, compiled.release, workFile);
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

/** Removes what a process that was killed while it compiled has left. */
async function sweepPartials(out: string): Promise<void> {
  const folder = path.dirname(out);
  for (const name of await readdir(folder)) {
    const pid = /\.wasm\.(\d+)\.partial\.wasm(\.map)?$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(path.join(folder, name), { force: true });
  }
}

async function isUpToDate(out: string, name: string): Promise<boolean> {
  const made = [out, `${out}.map`, debugModulePath(out)];
  if (!made.every((file) => existsSync(file))) return false;
  const built = (await stat(out)).mtimeMs;
  const sources = [
    path.join(PACKAGE_ROOT, "asconfig.json"),
    ...(await sourcesBelow(path.join(PACKAGE_ROOT, "assembly"))),
    ...(await sourcesBelow(path.join(PACKAGE_ROOT, "filters", name))),
  ];
  const times = await Promise.all(sources.map(async (file) => (await stat(file)).mtimeMs));
  return times.every((time) => time < built);
}

async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => path.join(folder, entry));
}
