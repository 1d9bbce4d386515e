// `meshwright validate`: checks configuration files before any Envoy sees them.

import type { Command } from "commander";
import { validateFile } from "../../compose/validate.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

interface ValidateOptions {
  readonly module?: string;
}

export function addValidate(root: Command, screen: Screen): void {
  root
    .command("validate")
    .description("Check mesh files and filters' configuration files, and show every problem with its line.")
    .argument("<file...>", "FILE, or FILTER=FILE where the file's name does not say which filter it is for")
    .option("--module <file>", "try a filter's settings on this .wasm file too, such as a lean build")
    .addHelpText("after", EXAMPLES)
    .action(async (words: string[], options: ValidateOptions) => {
      const failures: MeshwrightError[] = [];
      for (const word of words) {
        try {
          const { file, kind, warnings } = await validateFile(word, options);
          screen.print([`ok ${file} (${kind})`, ...warnings.map((line) => `warning: ${line}`)]);
        } catch (error) {
          if (!(error instanceof MeshwrightError) || error.code !== "configuration") throw error;
          failures.push(error);
        }
      }
      const [first] = failures;
      if (first === undefined) return;
      if (failures.length === 1) throw first;
      throw new MeshwrightError(
        "configuration",
        `${failures.length} of ${words.length} files are refused`,
        failures.flatMap((failure) => [failure.message, ...failure.details.map((line) => `  ${line}`)]),
      );
    });
}

const EXAMPLES = `
A file named header-routing.yaml or header-routing.canary.yaml is read as that
filter's configuration, and one that has "services" as a mesh file. Settings of
your own filters, named by filters/NAME or by their folder, are checked by the
filter's descriptor.ts or schema.ts. A bundle that "build" has made is named
like a filter, as in edge=edge.yaml. A file named .json must be strict JSON
(RFC 8259), and every other file is YAML.

Examples:
  meshwright validate compose/mesh.yaml
  meshwright validate header-routing=routes.yaml trace-headers.edge.yaml
  meshwright validate my-filter.yaml
  meshwright validate rate-limit=limits.yaml --module rate-limit.wasm
${exitCodesHelp("every file is valid", ["configuration", "usage", "build"])}`;
