// `meshwright init`: a mesh around a compose project.

import { type Command, InvalidArgumentError, Option } from "commander";
import type { AskedRoute } from "../../compose/init/gateway.js";
import { type Existing, type Initialized, initMesh, MESH_FILE } from "../../compose/init/init.js";
import { composeCommand, OVERRIDE_FILE } from "../../compose/init/override.js";
import { type Summary, summaryOf } from "../../compose/init/summary.js";
import { pathPrefixSchema } from "../../compose/path-prefix.js";
import { checkValue } from "../../envoy/problems.js";
import { DIFFERENT_EXIT_CODE, EXIT_CODES, exitCodesHelp, ToldFailure } from "../failures.js";
import { columns, type Screen } from "../screen.js";
import { collect } from "./options.js";

interface CommandOptions {
  readonly file?: readonly string[];
  readonly profile?: readonly string[];
  readonly route?: readonly AskedRoute[];
  readonly print?: true;
  readonly update?: true;
  readonly force?: true;
}

export function addInit(root: Command, screen: Screen): void {
  root
    .command("init")
    .description("Write the mesh file of a compose project, which stays as it is.")
    .option(
      "-f, --file <file>",
      "a compose file, as for docker compose (repeatable); default: those that compose finds",
      collect,
    )
    .option("--profile <name>", "take the services of this profile too (repeatable)", collect)
    .option(
      "--route </prefix=service>",
      "what the gateway leads where (repeatable); default: a guess",
      collectRoute,
    )
    .option("--print", `print ${MESH_FILE}, and write nothing`)
    .addOption(new Option("--update", `add what is new to the ${MESH_FILE} that is here`).conflicts("force"))
    .option("--force", `replace the ${MESH_FILE} that is here`)
    .addHelpText("after", EXAMPLES)
    .action(async (options: CommandOptions) => {
      const { file: files = [], profile: profiles = [], route: routes = [] } = options;
      const done = await initMesh({
        folder: process.cwd(),
        files,
        profiles,
        routes,
        existing: existingOf(options),
        isDry: options.print === true,
      });
      if (options.print === true) screen.print(done.text.trimEnd().split("\n"));
      else screen.print(report(done, screen));
      if (done.outcome === "kept" && options.print !== true) throw new ToldFailure(DIFFERENT_EXIT_CODE);
    });
}

function existingOf({ update, force }: CommandOptions): Existing {
  if (force === true) return "replace";
  return update === true ? "update" : "keep";
}

function report(done: Initialized, screen: Screen): readonly string[] {
  const { project, found, outcome, diff, gone } = done;
  const summary = summaryOf(project, found);
  return [
    ...screen.folded([summary.read]),
    "",
    ...sections(summary, screen),
    ...(diff === "" || outcome === "replaced" ? [] : [diff.trimEnd(), ""]),
    ...screen.folded(gone.map((name) => `${MESH_FILE} names ${name}, which is not in the project any more.`)),
    ...screen.folded([ENDS[outcome]]),
    ...(outcome === "kept"
      ? []
      : [
          "Run the mesh:",
          "  npx meshwright up",
          "  or, without live edits:",
          `  ${composeCommand(project)}`,
        ]),
  ];
}

function sections(summary: Summary, screen: Screen): readonly string[] {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [title, ...screen.folded(lines.map((line) => `  ${line}`)), ""];
  return [
    ...section("In the mesh", columns(summary.services)),
    ...section("Guesses, to check", summary.guesses),
    ...section("To know", summary.notes),
    ...section("Not in the mesh, and as before", summary.leftOut),
    ...section("In no active profile", summary.inactive),
  ];
}

const ENDS: Readonly<Record<Initialized["outcome"], string>> = {
  written: `Wrote ${MESH_FILE} and ${OVERRIDE_FILE}; your files are as they were.`,
  replaced: `Replaced ${MESH_FILE} and ${OVERRIDE_FILE}.`,
  updated: `Added what is new to ${MESH_FILE}, and wrote ${OVERRIDE_FILE} from it.`,
  same: `${MESH_FILE} has all of it already. Wrote ${OVERRIDE_FILE} from it.`,
  kept: `${MESH_FILE} is as it was. Take what is new by --update, or write it from the beginning by --force.`,
};

function collectRoute(text: string, before: readonly AskedRoute[] = []): readonly AskedRoute[] {
  const [, prefix, service] = /^(\/[^\s=]*)=(\S+)$/.exec(text) ?? [];
  if (prefix === undefined || service === undefined) {
    throw new InvalidArgumentError("Write a route as /PREFIX=SERVICE, such as /=web.");
  }
  const checked = checkValue(prefix, pathPrefixSchema);
  if (!checked.ok) throw new InvalidArgumentError(`The prefix ${checked.problems[0]?.reason}.`);
  return [...before, { prefix, service }];
}

const EXAMPLES = `
It reads the project as docker compose does, by docker compose itself where it
is installed, and finds each service's port and protocol, and which services it
calls: from ports, expose, images, Dockerfiles, variables, commands, links and
depends_on. ${MESH_FILE} has each of them with its reason. Whatever cannot be in
a mesh is named with the reason, and runs on as before. ${OVERRIDE_FILE} is
the same mesh for docker compose alone, written from ${MESH_FILE}.

Where ${MESH_FILE} is there, it stays: the command shows as a diff what the
project has and the file has not.

Examples:
  meshwright init && meshwright up           in the folder of compose.yaml
  meshwright init -f base.yaml -f dev.yaml   several files
  meshwright init --route /=web --route /api=api
  meshwright init --update                   after an edit of compose.yaml
${exitCodesHelp("the mesh file is written, or has everything", ["configuration", "usage", "build"], {
  [EXIT_CODES["write-failed"]]: "a file cannot be written",
  [DIFFERENT_EXIT_CODE]: "the project has something new, and the mesh file is kept",
})}`;
