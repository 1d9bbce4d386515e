// The package as npm publishes it, except for the filters' modules, which take a minute to build.
// It is packed from a copy of the sources, so that nothing else in the checkout can get into it.

import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { findNpm } from "../../envoy/runtime/find-npm.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

/** The packed package. */
export interface Packed {
  /** The tarball's path. */
  readonly tarball: string;
  /** The paths of its files in the package, sorted. */
  readonly files: readonly string[];
  /** The folder from which it was packed. */
  readonly source: string;
}

/** One entry of the output of `npm pack --json`. */
interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/**
 * Packs the current sources of this checkout, committed or not.
 * @param folder where the tarball and the copy of the sources go
 */
export async function packSources(folder: string): Promise<Packed> {
  const source = path.join(folder, "source");
  await copySources(source);
  await run(binary("tsc"), ["-p", "tsconfig.dist.json", "--outDir", path.join(source, "dist")], PACKAGE_ROOT);
  const words = ["pack", "--json", "--loglevel", "silent", "--pack-destination", folder];
  const [report] = JSON.parse(await run(findNpm(), words, source)) as readonly [PackReport];
  return {
    tarball: path.join(folder, report.filename),
    files: report.files.map((file) => file.path).sort(),
    source,
  };
}

/** The path of a tool that is installed with this checkout. */
export function binary(name: string): string {
  return path.join(PACKAGE_ROOT, "node_modules/.bin", name);
}

/** Copies what git tracks in this checkout, or would track. */
export async function copySources(to: string): Promise<void> {
  const listed = await run(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    PACKAGE_ROOT,
  );
  for (const file of listed.split("\0")) {
    const from = path.join(PACKAGE_ROOT, file);
    // Git lists a removed file until the removal is committed. The list ends with "\0".
    if (file === "" || !existsSync(from)) continue;
    await mkdir(path.dirname(path.join(to, file)), { recursive: true });
    await copyFile(from, path.join(to, file));
  }
}

async function run(command: string, words: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await runProgram(command, words, cwd);
  if (code !== 0) throw new Error(`${path.basename(command)} ${words.join(" ")} failed: ${output}`);
  return output;
}
