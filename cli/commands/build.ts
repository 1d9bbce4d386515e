// `meshwright build`: compiles filters and writes the JSON Schemas for editors.

import path from "node:path";
import type { Command } from "commander";
import { writeMeshSchema } from "../../compose/mesh/file.js";
import { toItsEnd } from "../../compose/to-its-end.js";
import { type BuiltFilter, buildFilters, modulePath } from "../../filters/build.js";
import { FILTERS } from "../../filters/catalog.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";

const NAMES = FILTERS.map((filter) => filter.name);

export function addBuild(root: Command, screen: Screen): void {
  root
    .command("build")
    .description("Compile filters to Wasm modules, and write JSON Schemas of all configuration files.")
    .argument("[filter...]", `which filters; default: all (${NAMES.join(", ")})`)
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[]) => {
      const wanted = names.length === 0 ? NAMES : [...new Set(names)];
      using interrupt = listenForInterrupt(screen);
      const build = buildFilters(wanted, { onProgress: (line) => screen.print([line]) });
      const built = await toItsEnd(build, interrupt.signal);
      const outDir = path.dirname(modulePath(NAMES[0] ?? ""));
      await writeMeshSchema(outDir);
      screen.print([
        ...buildTable(built),
        "",
        `Modules are in ${outDir}, JSON Schemas in ${path.join(outDir, "schemas")}.`,
      ]);
    });
}

/** A heading and a line for each filter. */
export function buildTable(built: readonly BuiltFilter[]): string[] {
  const rows = [
    ["filter", "bytes", "seconds", "callbacks"],
    ...built.map((filter) => [
      filter.name,
      filter.bytes.toLocaleString("en"),
      filter.upToDate ? "up to date" : filter.seconds.toFixed(1),
      filter.callbacks.map((callback) => callback.replace("proxy_on_", "")).join(", "),
    ]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map(([name = "", bytes = "", seconds = "", callbacks = ""]) =>
    [name.padEnd(width(0)), bytes.padStart(width(1)), seconds.padStart(width(2)), callbacks].join("  "),
  );
}

const EXAMPLES = `
Examples:
  meshwright build                  every filter
  meshwright build header-routing   one of them
${exitCodesHelp("every filter is built or up to date", ["usage", "build", "interrupted"])}`;
