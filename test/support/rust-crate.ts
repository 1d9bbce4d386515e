// Compiles filters in the Rust SDK. It needs a Rust toolchain with the target
// `wasm32-unknown-unknown`.

import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

/** What Rust compiles a filter for. */
export const RUST_TARGET = "wasm32-unknown-unknown";

/**
 * Compiles a crate of a filter. Its dependencies come from crates.io the first time, as its lock
 * file has them.
 * @param crate the folder of its `Cargo.toml`
 * @param directory where its module, and what the compiler leaves, go
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
