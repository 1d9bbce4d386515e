// Modules for tests and benchmarks that use nothing of the SDK. They are compiled from text instead
// of files.

import { writeFile } from "node:fs/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { compileOnce } from "../../toolchain/compile/compile.js";

const ENTRY = "source.ts";
/** The compiler's options, with the runtime that never frees memory. */
const ARGS = ["--runtime", "stub", "-O3", "--use", "abort="];

/** Compiles AssemblyScript that imports no file, and writes the module to `path`. */
export async function compileSource(source: string, path: string): Promise<void> {
  const { made, output } = await compileOnce({
    root: PACKAGE_ROOT,
    entry: ENTRY,
    args: ARGS,
    // Options of this package's own modules, such as the name of the start function, do not apply.
    texts: { [ENTRY]: source, "asconfig.json": "{}" },
  });
  if (made === undefined) {
    throw new MeshwrightError("build", `${path}: the source does not compile`, output.split("\n"));
  }
  await writeFile(path, made.wasm);
}
