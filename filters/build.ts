// Compiles filters to proxy-wasm modules.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../envoy/errors.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { isAlive } from "../envoy/runtime/alive.js";
import { type FilterRoom, findFilter } from "./catalog.js";
import { inspectModule } from "./module.js";
import { silentMethods } from "./silent-methods.js";

/** A compiled filter. */
export interface BuiltFilter {
  readonly name: string;
  /** The module's file. */
  readonly path: string;
  /** The module's size. */
  readonly bytes: number;
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
  /** Told when a filter's compilation starts and ends. */
  readonly onProgress?: (line: string) => void;
}

/** Where `buildFilters` puts a filter's module unless told otherwise. */
export function modulePath(name: string, outDir = path.join(PACKAGE_ROOT, "build")): string {
  return path.join(outDir, `${name}.wasm`);
}

/**
 * Compiles the named filters, side by side, and writes the JSON Schema of each one's configuration to `schemas/` beside the modules. A module
 * newer than every source it is made of is left as it is. Throws `MeshwrightError("build")` with the compiler's own lines as details.
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
  const upToDate = await isUpToDate(out, room.name);
  const started = performance.now();
  if (!upToDate) {
    options.onProgress?.(`compiling ${room.name} …`);
    await compileModule(`filters/${room.name}/index.ts`, out);
    options.onProgress?.(`compiled ${room.name}`);
  }
  const seconds = upToDate ? 0 : (performance.now() - started) / 1000;
  const module = inspectModule(await readFile(out));
  return {
    name: room.name,
    path: out,
    bytes: (await stat(out)).size,
    callbacks: module.callbacks,
    seconds,
    upToDate,
  };
}

async function writeSchema(room: FilterRoom, file: string): Promise<void> {
  const schema = { title: `${room.name}: ${room.summary}`, ...z.toJSONSchema(room.schema, { io: "input" }) };
  await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`);
}

/**
 * Compiles one entry file, a path below this package, to a module. It is written beside `out` and renamed, so that an Envoy or a test that reads
 * `out` never sees half a module. Throws `MeshwrightError("build")` with the compiler's own lines as details.
 */
export async function compileModule(entry: string, out: string): Promise<void> {
  const partial = `${out}.${process.pid}.partial`;
  await sweepPartials(out);
  try {
    const { code, output } = await runCompiler([entry, "-o", path.relative(PACKAGE_ROOT, partial)]);
    if (code !== 0) {
      throw new MeshwrightError(
        "build",
        `${entry} does not compile: mend what the compiler names and build again`,
        output.trim().split("\n"),
      );
    }
    const module = inspectModule(await readFile(partial));
    refuseUnlinkedImports(entry, module.unlinkedImports);
    await refuseSilentMethods(entry, module.callbacks);
    await rename(partial, out);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Removes what a process that was killed while it compiled has left. */
async function sweepPartials(out: string): Promise<void> {
  const folder = path.dirname(out);
  for (const name of await readdir(folder)) {
    const pid = /\.wasm\.(\d+)\.partial$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(path.join(folder, name), { force: true });
  }
}

function refuseUnlinkedImports(entry: string, imports: readonly string[]): void {
  if (imports.length === 0) return;
  throw new MeshwrightError(
    "build",
    `${entry} needs ${imports.join(", ")}, which stock Envoy does not link: use the SDK's host calls instead`,
  );
}

async function refuseSilentMethods(entry: string, callbacks: readonly string[]): Promise<void> {
  const lines = await silentMethods(path.join(PACKAGE_ROOT, path.dirname(entry)), callbacks);
  if (lines.length === 0) return;
  throw new MeshwrightError("build", `${entry} does not export a callback that it implements`, lines);
}

async function runCompiler(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const asc = path.join(
    path.dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")),
    "bin/asc.js",
  );
  const child = spawn(process.execPath, [asc, "--config", "asconfig.json", ...args], {
    cwd: PACKAGE_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, output };
}

async function isUpToDate(out: string, name: string): Promise<boolean> {
  if (!existsSync(out)) return false;
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
