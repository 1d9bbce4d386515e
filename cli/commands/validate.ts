// `meshwright validate`: checks configuration files before any Envoy sees them.

import type { Command } from "commander";
import { validateFile } from "../../compose/validate.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

export function addValidate(root: Command, screen: Screen): void {
  root
    .command("validate")
    .description("Check mesh files and filters' configuration files; every problem is told with its line.")
    .argument("<file...>", "FILE, or FILTER=FILE where the file's name does not say which filter it is for")
    .addHelpText("after", EXAMPLES)
    .action(async (words: string[]) => {
      const failures: MeshwrightError[] = [];
      for (const word of words) {
        try {
          const { file, kind } = await validateFile(word);
          screen.print([`ok ${file} (${kind})`]);
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
A file named header-routing.yaml or header-routing.canary.yaml is taken for that
filter's configuration, and one that has "services" for a mesh file. Filters of
your own, in filters/NAME or by their folder, are checked by their descriptor.ts
or schema.ts.

Examples:
  meshwright validate compose/mesh.yaml
  meshwright validate header-routing=routes.yaml trace-headers.edge.yaml
  meshwright validate my-filter.yaml
${exitCodesHelp("every file is right", ["configuration", "usage", "build"])}`;
