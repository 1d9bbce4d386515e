// `@solo-io/proxy-runtime` 0.1.8 with the compiler for which it was made, for comparisons. Both are
// fetched from npm when they are first needed, and kept in the cache beside Envoy, since this
// package has another release of the compiler.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { cacheFolder } from "../../envoy/runtime/find.js";
import { findNpm } from "../../envoy/runtime/find-npm.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

const PACKAGES = ["assemblyscript@0.14.13", "@solo-io/proxy-runtime@0.1.8"] as const;
/** The options that the package's README gives. */
const OPTIONS = ["--use", "abort=abort_proc_exit"] as const;
/** The `root_id` of `buildSoloModule`'s filter, without which the filter traps. */
export const SOLO_ROOT_ID = "add_header";

/** The same task as the other modules of the comparison: `x-added: 1` on every response. */
const ADD_HEADER = `
export * from "@solo-io/proxy-runtime/proxy";
import {
  Context, FilterHeadersStatusValues, registerRootContext, RootContext, stream_context,
} from "@solo-io/proxy-runtime";

class AddHeaderRoot extends RootContext {
  createContext(context_id: u32): Context { return new AddHeader(context_id, this); }
}

class AddHeader extends Context {
  constructor(context_id: u32, root_context: AddHeaderRoot) { super(context_id, root_context); }
  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-added", "1");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => { return new AddHeaderRoot(context_id); }, "${SOLO_ROOT_ID}");
`;

/**
 * Compiles a filter that adds one response header.
 * @param directory where its module goes
 * @returns the module's path
 * @throws MeshwrightError as `compileSolo`
 */
export async function buildSoloModule(directory: string): Promise<string> {
  const source = join(directory, "solo-add-header.ts");
  const module = join(directory, "solo-add-header.wasm");
  await writeFile(source, ADD_HEADER);
  await compileSolo(source, module, ["--optimize", "-O3"]);
  return module;
}

/**
 * Compiles a filter that imports `@solo-io/proxy-runtime`.
 * @param options further options of the compiler. Without any it does not optimize, which saves
 * most of its time.
 * @throws MeshwrightError `build` when the packages are neither in the cache nor available, or the
 * filter does not compile
 */
export async function compileSolo(
  source: string,
  module: string,
  options: readonly string[] = [],
): Promise<void> {
  const packages = join(await installSolo(), "node_modules");
  // The compiler accepts only paths below its base, and looks for packages there.
  const base = dirname(source);
  const args = [
    join(packages, "assemblyscript", "bin", "asc"),
    ...["--baseDir", base, "--path", relative(base, packages)],
    ...[relative(base, source), "-b", relative(base, module), ...OPTIONS, ...options],
  ];
  // It looks for the packages in the folder in which it runs.
  const { code, output } = await runProgram(process.execPath, args, base);
  if (code === 0) return;
  throw new MeshwrightError(
    "build",
    `${source} does not compile with ${PACKAGES.join(" and ")}`,
    output.split("\n"),
  );
}

/**
 * The folder with both packages. They are installed first if it does not exist.
 * @throws MeshwrightError `build` when they cannot be installed
 */
export async function installSolo(): Promise<string> {
  const folder = join(cacheFolder(process.env), "solo", PACKAGES.join("+").replaceAll("/", "-"));
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.`);
  try {
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save"];
    const { code, output } = await runProgram(findNpm(), [
      "install",
      "--prefix",
      partial,
      ...flags,
      ...PACKAGES,
    ]);
    if (code !== 0) {
      throw new MeshwrightError(
        "build",
        `${PACKAGES.join(" and ")} cannot be installed: go online once, or run npm install for them in ${folder}`,
        output.trim().split("\n"),
      );
    }
    // Another process may have been faster. Its folder is as good.
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}
