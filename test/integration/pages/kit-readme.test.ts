// The tests on the kit's page: each is compiled exactly as on the page and run, on the filter that
// `meshwright new` copies.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { runProgram } from "../../../envoy/runtime/run-program.js";
import { isMissing } from "../../support/tools.js";

const BUILD = path.join(PACKAGE_ROOT, "build");

process.env.MESHWRIGHT_QUICK = "1";
mkdirSync(BUILD, { recursive: true });
// Two folders below the package, like the tests of its filters.
const room = mkdtempSync(path.join(BUILD, "page-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const page = readFileSync(path.join(PACKAGE_ROOT, "kit/README.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => hereOf(code));

/** The block exactly as on the page, except for the package's path and the filter's name. */
function hereOf(code: string): string {
  return code
    .replaceAll('"meshwright/test"', '"../../kit/index.js"')
    .replaceAll('"meshwright/test/vitest"', '"../../kit/vitest.js"')
    .replaceAll(/my-filter|my_filter/g, "template")
    .replaceAll('mkdtempSync("tls-")', `mkdtempSync(${JSON.stringify(path.join(room, "tls-"))})`);
}

for (const [i, code] of blocks.entries()) {
  const file = path.join(room, `block-${i}.ts`);
  writeFileSync(file, code);
  // Each file declares its tests here.
  if (!code.includes("makeAuthority") || !isMissing("openssl")) await import(file);
}

test("the page has a test of each kind, and all of them compile", async () => {
  expect(blocks).toHaveLength(5);
  const config = {
    extends: "../../tsconfig.json",
    include: [
      "*.ts",
      "../../envoy/runtime/fs-native-extensions.d.ts",
      "../../toolchain/compile/webassembly.d.ts",
    ],
  };
  writeFileSync(path.join(room, "tsconfig.json"), JSON.stringify(config));
  const compiler = path.join(PACKAGE_ROOT, "node_modules/typescript/bin/tsc");
  const { code, output } = await runProgram(process.execPath, [compiler, "-p", room]);
  expect(output).toBe("");
  expect(code).toBe(0);
});
