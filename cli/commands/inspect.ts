// `meshwright inspect`: shows what a proxy-wasm module is made of, and whether stock Envoy would
// load it.

import type { Command } from "commander";
import { MeshwrightError } from "../../envoy/errors.js";
import { describeReport, otherVerdicts, verdict } from "../../envoy/module/describe.js";
import { type InspectedFile, inspectFile } from "../../envoy/module/inspect-file.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

interface InspectOptions {
  readonly json?: true;
}

export function addInspect(root: Command, screen: Screen): void {
  root
    .command("inspect")
    .description("Show what proxy-wasm modules are made of, and whether stock Envoy would load them.")
    .argument("<file...>", "modules, made by any SDK in any language")
    .option("--json", "print the reports as one JSON array")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: InspectOptions) => {
      const inspected: InspectedFile[] = [];
      for (const file of files) {
        const one = await inspectFile(file);
        inspected.push(one);
        if (!options.json) screen.print(describeFile(one));
      }
      if (options.json) screen.print([JSON.stringify(inspected, null, 2)]);
      failOnRefused(inspected);
    });
}

function describeFile({ file, report, refusals }: InspectedFile): readonly string[] {
  if (report === null) return [file, `  ${verdict(refusals)}`];
  return [
    file,
    ...describeReport(report),
    ...[verdict(refusals), ...otherVerdicts(report)].map((line) => `  ${line}`),
  ];
}

function failOnRefused(inspected: readonly InspectedFile[]): void {
  const refused = inspected.filter(({ refusals }) => refusals.length > 0);
  if (refused.length === 0) return;
  const share = inspected.length === 1 ? "" : `${refused.length} of ${inspected.length} files: `;
  throw new MeshwrightError(
    "module-refused",
    `stock Envoy would refuse ${share}${refused.map(({ file }) => file).join(", ")}`,
    refused.flatMap(({ file, refusals }) =>
      refusals.map((line) => (refused.length === 1 ? line : `${file}: ${line}`)),
    ),
  );
}

const EXAMPLES = `
Modules are judged as the Envoy that ENVOY_VERSION names judges them, or else
the default one; where another supported release differs, a line says so. A
module is refused for a host call that its start certainly makes, and a call
that its start may make is only shown. The start also runs here, without a
host, and a module whose start traps is refused. Only Envoy can tell whether a
filter takes its configuration.

Examples:
  meshwright inspect build/header-routing.wasm
  meshwright inspect --json my-rust-filter.wasm other.wasm
${exitCodesHelp("stock Envoy would load every file", ["usage", "module-refused"])}`;
