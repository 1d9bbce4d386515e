// The same task in the Rust SDK, for the comparison. It needs a Rust toolchain with the target `wasm32-unknown-unknown`.

import { spawn } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const TARGET = "wasm32-unknown-unknown";
const CRATE = join(PACKAGE_ROOT, "test", "bench", "rust");

/**
 * Compiles a filter that adds one response header, in crate `proxy-wasm`. Its dependencies come from crates.io the first time.
 * @param directory where its module, and what the compiler leaves, go
 * @returns the module's path, or `undefined`, with a line on stderr that says why, where it cannot be built
 */
export async function buildRustModule(directory: string): Promise<string | undefined> {
  const built = join(directory, "rust");
  const failure = await cargo(["build", "--release", "--locked", "--target", TARGET, "--target-dir", built]);
  if (failure !== undefined) {
    process.stderr.write(
      `no comparison with the Rust SDK: ${failure}. Install Rust from https://rustup.rs and run rustup target add ${TARGET}.\n`,
    );
    return undefined;
  }
  const module = join(directory, "rust-add-header.wasm");
  await copyFile(join(built, TARGET, "release", "add_header.wasm"), module);
  return module;
}

/** Why it failed, or `undefined`. */
function cargo(args: readonly string[]): Promise<string | undefined> {
  const child = spawn("cargo", args, { cwd: CRATE, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ENOENT" ? "there is no cargo" : error.message),
    );
    child.on("close", (code) => resolve(code === 0 ? undefined : firstError(output)));
  });
}

function firstError(output: string): string {
  const line = output.split("\n").find((text) => text.startsWith("error"));
  return line ?? "cargo failed";
}
