// Filters for `@solo-io/proxy-runtime`, compiled with it and with `meshwright/proxy-runtime`. Only
// the package's name in the imports differs.

import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { compileOnce } from "../../../toolchain/compile/compile.js";
import { compileSolo } from "../../bench/solo.js";

export const OURS = "meshwright/proxy-runtime";
export const ORIGINAL = "@solo-io/proxy-runtime";

/** The package with which a filter is compiled. */
export type Runtime = typeof OURS | typeof ORIGINAL;

/** A probe's source, as it imports `meshwright/proxy-runtime`. */
export function probeSource(name: string): Promise<string> {
  return readFile(path.join(PACKAGE_ROOT, "test/probes/proxy-runtime", name, "index.ts"), "utf8");
}

/** The example that the original's own README shows, with only the package's name changed. */
export async function exampleSource(): Promise<string> {
  const readme = await readFile(path.join(PACKAGE_ROOT, "node_modules", ORIGINAL, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1];
  if (example === undefined) throw new Error("the README of the original shows no example");
  return example.replaceAll(ORIGINAL, OURS);
}

/** The names that a file of the original exports. */
export async function originalNames(file: string): Promise<readonly string[]> {
  const folder = path.join(PACKAGE_ROOT, "node_modules", ORIGINAL, "assembly");
  const text = await readFile(path.join(folder, `${file}.ts`), "utf8");
  const declared = text.matchAll(/^export (?:abstract )?(?:function|class|enum|type|var) (\w+)/gm);
  const listed = text.matchAll(/^export \{(.*?)\}/gms);
  return [
    ...[...declared].map(([, name = ""]) => name),
    ...[...listed].flatMap(([, names = ""]) => names.match(/\w+/g) ?? []),
  ];
}

/**
 * Compiles a filter.
 * @param source as it imports `meshwright/proxy-runtime`
 * @param folder an author's package, which has its dependencies in `node_modules`
 * @returns the module's path
 */
export async function compileFilter(
  runtime: Runtime,
  source: string,
  name: string,
  folder: string,
): Promise<string> {
  const file = path.join(folder, `${name}.ts`);
  const module = path.join(folder, `${name}.wasm`);
  await writeFile(file, source.replaceAll(OURS, runtime));
  if (runtime === OURS) await compileOurs(file, module, folder);
  else await compileSolo(file, module);
  return module;
}

/** An author's package that depends on this one. */
export async function authorPackage(folder: string): Promise<string> {
  await mkdir(path.join(folder, "node_modules"), { recursive: true });
  await symlink(PACKAGE_ROOT, path.join(folder, "node_modules", "meshwright"), "dir");
  return folder;
}

async function compileOurs(file: string, module: string, folder: string): Promise<void> {
  const options = ["--runtime", "minimal", "--use", "abort=abort_proc_exit"];
  const { made, output } = await compileOnce({ root: folder, entry: path.basename(file), args: options });
  if (made === undefined) throw new MeshwrightError("build", `${file} does not compile`, [output]);
  await writeFile(module, made.wasm);
}
