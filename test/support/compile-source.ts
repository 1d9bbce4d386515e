// Modules for tests and benchmarks that use nothing of the SDK, compiled from a text and not from
// files.

import { writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";
import { MeshwrightError } from "../../envoy/errors.js";

/**
 * Compiles AssemblyScript that imports no file, with the runtime that never frees, and writes the
 * module to `path`.
 */
export async function compileSource(source: string, path: string): Promise<void> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["source.ts", "--outFile", "module.wasm", "--runtime", "stub", "-O3", "--use", "abort="],
    {
      readFile: (name) => (name === "source.ts" ? source : null),
      writeFile: (_name, contents) => {
        module = Buffer.from(contents);
      },
      listFiles: () => [],
    },
  );
  if (error !== null || module === undefined) {
    throw new MeshwrightError("build", `${path}: the source does not compile`, stderr.toString().split("\n"));
  }
  await writeFile(path, module);
}
