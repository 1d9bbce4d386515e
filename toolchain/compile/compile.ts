// Compiles entry files, each only once.

import { createRequire } from "node:module";
import { MeshwrightError } from "../../envoy/errors.js";
import { nameBytes, sectionBytes, u32Bytes } from "../../envoy/module/byte-writer.js";
import { readModule } from "../../envoy/module/read.js";
import { ModuleCache } from "./module-cache.js";
import { type CompilerAnswer, type CompilerJob, type Made, runCompiler } from "./run-compiler.js";
import { packageOptions, type Source, withShownNames } from "./source.js";

/** The compiler's output for an entry file. */
export interface Compiled {
  /** The module for Envoy: without names. */
  readonly release: Uint8Array;
  /**
   * The same code with the functions' names, which Envoy then writes into its log when the filter
   * traps.
   */
  readonly debug: Uint8Array;
  /**
   * The source map of both, as JSON. It contains the sources. In an author's package meshwright's
   * sources are named `meshwright/…`.
   */
  readonly map: string;
}

/**
 * `release`: as filters are built. `none`: nothing is moved or merged, so every call is where the
 * source has it.
 */
export type Optimization = "release" | "none";

/** How an entry file is compiled. */
export interface EntryOptions {
  /** Default: `release`. */
  readonly optimization?: Optimization;
  /** Called before the compiler starts; not where the module comes from the cache. */
  readonly onCompile?: () => void;
}

/**
 * Compiles one entry file in its package, or takes the module that was compiled from the same
 * sources before.
 * @throws MeshwrightError `build` with the compiler's own lines as details
 */
export async function compileEntry(source: Source, options: EntryOptions = {}): Promise<Compiled> {
  const job = jobOf(source, options.optimization);
  const { made, output } = await compileOnce(job, options.onCompile);
  if (made === undefined) throw notCompiled(source, output);
  return asCompiled(made);
}

/** Like `compileEntry` without options; `undefined` where the compiler would have to run. */
export async function knownCompiled(source: Source): Promise<Compiled | undefined> {
  const made = await new ModuleCache().find(jobOf(source));
  return made === undefined ? undefined : asCompiled(made);
}

/** Runs the compiler unless the cache has a module of the same sources. Never rejects. */
export async function compileOnce(
  job: CompilerJob,
  onCompile?: () => void,
): Promise<Pick<CompilerAnswer, "made" | "output">> {
  const cache = new ModuleCache();
  const known = await cache.find(job);
  if (known !== undefined) return { made: known, output: "" };
  const answer = await runCompiler(job, onCompile);
  await cache.keep(job, answer);
  return answer;
}

/** The compiler's arguments for an entry file. */
export function jobOf(source: Source, optimization: Optimization = "release"): CompilerJob {
  const { root, entry, text } = source;
  const level = optimization === "none" ? ["-O0"] : [];
  const args = [...packageOptions(source), "--sourceMap", "--debug", ...level];
  return { root, entry, args, ...(text === undefined ? {} : { texts: { [entry]: text } }) };
}

/** The error for an entry file that the compiler refused with these lines. */
export function notCompiled({ entry }: Source, output: string): MeshwrightError {
  return new MeshwrightError(
    "build",
    `${entry} does not compile: correct what the compiler names and build again`,
    withShownNames(output).trim().split("\n"),
  );
}

/** The parts of the compiler's output with `--debug` and `--sourceMap`. */
export function asCompiled({ wasm: module, map }: Made): Compiled {
  return {
    release: withProducers(withoutSections(module, ["name", "sourceMappingURL"])),
    debug: withProducers(withoutSections(module, ["sourceMappingURL"])),
    map: shownMap(map),
  };
}

/**
 * The compiler puts the names behind the code, so without them the code stays where the source map
 * has it.
 */
function withoutSections(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const parts = readModule(bytes)
    .sections.filter((section) => !names.includes(section.name))
    .map((section) => bytes.subarray(section.start, section.start + section.bytes));
  return Buffer.concat([bytes.subarray(0, 8), ...parts]);
}

/** The compiler names the sources as if they were below the module's own name. */
function shownMap(json: string): string {
  const map = JSON.parse(json) as { readonly sources: readonly string[] };
  return JSON.stringify({ ...map, sources: map.sources.map(withShownNames), sourceRoot: "" });
}

/** The path of the same code with the functions' names. */
export function debugModulePath(out: string): string {
  return out.replace(/(\.wasm)?$/, ".debug.wasm");
}

/** The module with the custom section by which debuggers find its source map. */
export function withSourceMapUrl(bytes: Uint8Array, url: string): Uint8Array {
  return withCustomSection(bytes, "sourceMappingURL", nameBytes(url));
}

/**
 * The module with the custom section that tells tools what made it. Source: tool-conventions,
 * `ProducersSection.md`.
 */
function withProducers(bytes: Uint8Array): Uint8Array {
  const { version } = createRequire(import.meta.url)("assemblyscript/package.json") as { version: string };
  const field = (name: string, value: string, of = "") => [
    nameBytes(name),
    u32Bytes(1),
    nameBytes(value),
    nameBytes(of),
  ];
  const fields = [
    ...field("language", "AssemblyScript"),
    ...field("processed-by", "assemblyscript", version),
  ];
  return withCustomSection(bytes, "producers", Buffer.concat([u32Bytes(2), ...fields]));
}

function withCustomSection(bytes: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, sectionBytes(0, Buffer.concat([nameBytes(name), content]))]);
}
