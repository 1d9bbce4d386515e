// `meshwright build`: compiles filters and writes the JSON Schemas for editors.

import path from "node:path";
import type { Command } from "commander";
import { writeMeshSchema } from "../../compose/mesh/file.js";
import { toItsEnd } from "../../compose/to-its-end.js";
import { FILTERS } from "../../filters/catalog.js";
import { buildBundle } from "../../toolchain/bundle/bundle.js";
import { type BuiltFilter, buildFilters } from "../../toolchain/compile/build.js";
import { workspaceRoot } from "../../toolchain/compile/source.js";
import { buildableNames } from "../../toolchain/package/member.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";
import { parseBytes } from "./options.js";

interface BuildOptions {
  readonly bundle?: string;
  readonly outDir?: string;
  readonly sizeBudget?: number;
}

const NAMES = FILTERS.map((filter) => filter.name).join(", ");

export function addBuild(root: Command, screen: Screen): void {
  root
    .command("build")
    .description("Compile filters to Wasm modules, and write JSON Schemas of all configuration files.")
    .argument("[filter...]", `which: ${NAMES}, or your own by name or folder; default: all of this package`)
    .option("--bundle <name>", "make one module NAME.wasm of the filters, in the order of the chain")
    .option("--out-dir <folder>", "where modules go; default: build/ of the filter's package")
    .option(
      "--size-budget <bytes>",
      "the most bytes that a module may have; default: the filter's own budget",
      parseBytes,
    )
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], { bundle, outDir, ...options }: BuildOptions) => {
      using interrupt = listenForInterrupt(screen);
      const told = {
        ...options,
        ...(outDir === undefined ? {} : { outDir: path.resolve(outDir) }),
        onProgress: (line: string) => screen.print([line]),
      };
      const wanted = names.length === 0 ? buildableNames() : [...new Set(names)];
      const build = bundle === undefined ? buildFilters(wanted, told) : buildBundle(bundle, names, told);
      const built = await toItsEnd(build, interrupt.signal);
      await writeMeshSchema(told.outDir ?? path.join(workspaceRoot(), "build"));
      const folders = [...new Set(built.map((filter) => path.dirname(filter.path)))];
      screen.print([
        ...buildTable(built),
        "",
        `Modules are in ${folders.join(" and ")},`,
        "each with its source map (.wasm.map); modules compiled here also have a build",
        "with names (.debug.wasm). JSON Schemas are in schemas/ beside them.",
      ]);
    });
}

/** A heading and a line for each filter. */
export function buildTable(built: readonly BuiltFilter[]): string[] {
  const rows = [
    ["filter", "bytes", "seconds", "imports", "callbacks"],
    ...built.map((filter) => [
      filter.name,
      filter.bytes.toLocaleString("en"),
      filter.upToDate ? "up to date" : filter.seconds.toFixed(1),
      String(filter.imports.length),
      filter.callbacks.map((callback) => callback.replace("proxy_on_", "")).join(", "),
    ]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map(([name = "", bytes = "", seconds = "", imports = "", callbacks = ""]) =>
    [
      name.padEnd(width(0)),
      bytes.padStart(width(1)),
      seconds.padStart(width(2)),
      imports.padStart(width(3)),
      callbacks,
    ].join("  "),
  );
}

const EXAMPLES = `
A filter that stock Envoy would refuse, or never call, is not built. The lines
of source that cause this are named.

Examples:
  meshwright build                  every filter of the package in this folder
  meshwright build header-routing   one of them, or of meshwright's own
  meshwright build header-routing --size-budget 60000
  meshwright build my-filter        your own, in filters/my-filter
  meshwright build ./other/my-filter --out-dir modules
  meshwright build --bundle edge trace-headers header-routing
  meshwright build --bundle edge trace-headers my-filter
${exitCodesHelp("every filter is built or up to date", ["usage", "build", "interrupted"])}`;
