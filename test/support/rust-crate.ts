// Compiles filters in the Rust SDK. It needs a Rust toolchain with the target
// `wasm32-unknown-unknown`.

import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

/** The target for which Rust compiles a filter. */
export const RUST_TARGET = "wasm32-unknown-unknown";

/**
 * Compiles a filter's crate. The first time its dependencies come from crates.io, as its lock file
 * names them.
 * @param crate the folder of its `Cargo.toml`
 * @param directory where its module and the compiler's files go
 * @returns the module's path
 * @throws MeshwrightError `build` with the compiler's lines as details
 */
export async function buildCrate(crate: string, directory: string): Promise<string> {
  const target = join(directory, "rust");
  const manifest = join(crate, "Cargo.toml");
  const args = ["build", "--release", "--locked", "--target", RUST_TARGET, "--target-dir", target];
  const { code, output } = await runProgram("cargo", [...args, "--manifest-path", manifest]);
  if (code === null)
    throw new MeshwrightError("build", `cargo cannot be run, to compile ${manifest}: ${output}`);
  if (code !== 0) {
    const lines = output.trim().split("\n");
    const reason = lines.find((line) => line.startsWith("error")) ?? lines.at(-1) ?? "";
    throw new MeshwrightError("build", `${manifest} does not compile: ${reason}`, lines);
  }
  const release = join(target, RUST_TARGET, "release");
  const [name] = (await readdir(release)).filter((file) => file.endsWith(".wasm"));
  if (name === undefined)
    throw new MeshwrightError("build", `${manifest} makes no module: its crate-type must be cdylib`);
  const module = join(directory, `rust-${name}`);
  await copyFile(join(release, name), module);
  return module;
}
