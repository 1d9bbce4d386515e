// A configuration is tried on the module that will read it.

import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { filterModule } from "../toolchain/compile/filter-module.js";
import { dryRun } from "./dry-run.js";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = new WebAssembly.Module(await readFile(await filterModule("header-routing")));
});

test("a configuration that the module takes passes", () => {
  dryRun("header-routing", module, '{"rules":[{"name":"all","destination":"v1"}]}', "f:1:1");
});

test("one that it refuses is told with its place and the module's own words", () => {
  expect(() => dryRun("header-routing", module, '{"rules":[{"name":"all"}]}', "f:1:1")).toThrow(
    /^f:1:1: the module of header-routing refuses this configuration, and every new proxy would answer 500: .*rules\[0\]/,
  );
});

test("a module that traps is told too", () => {
  const trap = new WebAssembly.Module(
    Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 11),
  );
  expect(() => dryRun("mine", trap, "", "f:1:1")).toThrow(/^f:1:1: the module of mine ends on this/);
});
