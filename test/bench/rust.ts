// The same task in the Rust SDK, for the comparison.

import { join } from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { buildCrate, RUST_TARGET } from "../support/rust-crate.js";

/**
 * Compiles a filter that adds one response header, in crate `proxy-wasm`.
 * @param directory where its module, and what the compiler leaves, go
 * @returns the module's path, or `undefined`, with a line on stderr that says why, where it cannot
 * be built
 */
export async function buildRustModule(directory: string): Promise<string | undefined> {
  try {
    return await buildCrate(join(PACKAGE_ROOT, "test", "bench", "rust"), directory);
  } catch (error) {
    if (!(error instanceof MeshwrightError)) throw error;
    process.stderr.write(
      `no comparison with the Rust SDK: ${error.message}. Install Rust from https://rustup.rs and run rustup target add ${RUST_TARGET}.\n`,
    );
    return undefined;
  }
}
