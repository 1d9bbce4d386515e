// Writes `filters/shared/regex-module.ts`: the compiler of regular expressions of
// `assembly/text/regex` as a module, by which the schemas refuse just what filters refuse.
// `npm run regex-module` runs it.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { compileOnce } from "../../toolchain/compile/compile.js";

const ENTRY = "assembly/text/regex/module.ts";
const FILE = path.join(PACKAGE_ROOT, "filters/shared/regex-module.ts");
/** The smallest module: its memory is dropped with its instance. */
const ARGS = ["-O3", "--shrinkLevel", "2", "--runtime", "stub", "--use", "abort="];

/** What the file says that stands in the checkout. */
export function writtenRegexModule(): Promise<string> {
  return readFile(FILE, "utf8");
}

/** What the file must say for the sources as they are. */
export async function regexModuleFile(): Promise<string> {
  const texts = { "asconfig.json": "{}" };
  const { made, output } = await compileOnce({ root: PACKAGE_ROOT, entry: ENTRY, args: ARGS, texts });
  if (made === undefined) {
    throw new MeshwrightError("build", `${ENTRY}: does not compile`, output.split("\n"));
  }
  return [
    "// The compiler of regular expressions of `assembly/text/regex`, as a module. `npm run regex-module`",
    "// writes this file.",
    "",
    "export const REGEX_MODULE =",
    `  "${Buffer.from(made.wasm).toString("base64")}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(FILE, await regexModuleFile());
