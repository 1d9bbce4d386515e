// `meshwright new`: makes a filter's room, and the author's package around it.

import path from "node:path";
import type { Command } from "commander";
import { installPackages, type NewFilter, newFilter } from "../../toolchain/package/new-filter.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";

interface NewOptions {
  readonly dir?: string;
  readonly install: boolean;
}

export function addNew(root: Command, screen: Screen): void {
  root
    .command("new")
    .description("Write a filter of your own that builds and passes its tests, for you to change.")
    .argument("<name>", "its name: lower-case letters, digits and hyphens")
    .option(
      "--dir <folder>",
      "the filter's package; default: that of the current folder, which becomes one if it has none",
    )
    .option("--no-install", "do not run npm install")
    .addHelpText("after", EXAMPLES)
    .action(async (name: string, { dir, install }: NewOptions) => {
      using interrupt = listenForInterrupt(screen);
      const made = await newFilter(name, {
        signal: interrupt.signal,
        ...(dir === undefined ? {} : { dir }),
      });
      screen.print([`Wrote in ${made.root}:`, ...made.files.map((file) => `  ${file}`)]);
      if (made.mustInstall && install) {
        screen.print(["", "npm install …"]);
        await installPackages(made.root, interrupt.signal);
      }
      screen.print(["", ...nextSteps(name, made, install)]);
    });
}

function nextSteps(name: string, { root, mustInstall }: NewFilter, install: boolean): readonly string[] {
  const folder = path.relative(process.cwd(), root);
  const commands = [
    ...(folder === "" ? [] : [`cd ${folder}`]),
    ...(mustInstall && !install ? ["npm install"] : []),
    `npx meshwright test ${name}`,
  ];
  return ["Try:", ...commands.map((command) => `  ${command}`)];
}

const EXAMPLES = `
The filter goes to filters/NAME: the binding (index.ts), the decision
(policy.ts), the configuration as the module reads it (config.ts) and as you
write it (schema.ts), the limits that both know (limits.ts), what the commands
know of it (descriptor.ts), a README, and tests: units, in-process, conformance,
stock Envoy. Its package gets what is missing to build and test it; no existing
file is overwritten. In an npm workspace the overrides go to the workspace's
package.json.

Examples:
  meshwright new my-filter
  meshwright new my-filter --dir ../my-filters
  meshwright new my-filter --no-install
${exitCodesHelp("the filter is written", ["usage", "tool-missing", "interrupted"])}`;
