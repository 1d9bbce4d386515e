// Compiles filters in Go. Since 1.24 its own compiler makes modules for WASI.

import { join } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

/** The first Go release whose programs can export functions to a host. */
export const GO_MINOR = 24;

/**
 * Compiles a filter.
 * @param folder where its `go.mod` is
 * @param directory where its module goes
 * @returns the module's path
 * @throws MeshwrightError `build` with the compiler's lines as details
 */
export async function buildGoModule(folder: string, directory: string): Promise<string> {
  const module = join(directory, "go-probe.wasm");
  const args = ["build", "-C", folder, "-trimpath", "-buildmode=c-shared", "-o", module, "."];
  const { code, output } = await runProgram("env", ["GOOS=wasip1", "GOARCH=wasm", "go", ...args]);
  if (code === 0) return module;
  const lines = output.trim().split("\n");
  throw new MeshwrightError("build", `${folder} does not compile: ${lines.at(-1) ?? ""}`, lines);
}
