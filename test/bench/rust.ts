// The same task in the Rust SDK, for the comparison.

import { join } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { buildCrate, RUST_TARGET } from "../support/rust-crate.js";

/**
 * Compiles a filter that adds one response header, with the crate `proxy-wasm`.
 * @param directory where its module and the compiler's files go
 * @returns the module's path, or `undefined` when it cannot be built; a line on stderr then says
 * why
 */
export async function buildRustModule(directory: string): Promise<string | undefined> {
  try {
    return await buildCrate(join(PACKAGE_ROOT, "test", "bench", "rust"), directory);
  } catch (error) {
    if (!(error instanceof MeshwrightError)) throw error;
    process.stderr.write(
      `no comparison with the Rust SDK: ${error.message}. Install Rust from https://rustup.rs and run rustup target add ${RUST_TARGET}, or see CONTRIBUTING.md for Debian's packages.\n`,
    );
    return undefined;
  }
}
