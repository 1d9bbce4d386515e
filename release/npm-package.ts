// The package as npm publishes it, with the same bytes on every machine.

import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { gzipSync } from "fflate";
import { MeshwrightError } from "../envoy/errors.js";
import { findNpm } from "../envoy/runtime/find-npm.js";
import { runProgram } from "../envoy/runtime/run-program.js";

/** How many of npm's last lines an error has. */
const SHOWN = 12;

/**
 * Packs the checkout by `npm run package`, and writes the tarball to `folder`.
 * @throws MeshwrightError `build` with the last lines of npm, where that fails
 */
export async function writePackage(root: string, folder: string): Promise<void> {
  const args = ["run", "package", "--", "--pack-destination", folder];
  const { code, output } = await runProgram(findNpm(), args, root);
  const name = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (code !== 0 || name === undefined) {
    const lines = output.trimEnd().split("\n").slice(-SHOWN);
    throw new MeshwrightError("build", "the npm package cannot be packed: npm run package failed", lines);
  }
  const file = path.join(folder, name);
  // npm's archive depends on its files alone, its compression on Node's zlib and the processor.
  await writeFile(file, gzipSync(gunzipSync(await readFile(file)), { level: 9, mtime: 0 }));
}
