// What the subcommands of `meshwright render` have in common: options, and what becomes of the
// resources.

import type { Command } from "commander";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Rendered } from "../../render/resource.js";
import { DIFFERENT_EXIT_CODE, ToldFailure } from "../failures.js";
import type { Screen } from "../screen.js";
import { collect } from "./options.js";

/** Standard output has the resources alone; what a person should know goes to standard error. */
export interface Screens {
  readonly out: Screen;
  readonly err: Screen;
}

/** Options of every subcommand. */
export interface OutputOptions {
  readonly image?: readonly string[];
  readonly registry?: string;
  readonly output?: string;
  readonly diff?: string;
}

/** The options by which images are named and the output is chosen. */
export function withOutputOptions(command: Command): Command {
  return command
    .option(
      "--registry <prefix>",
      "where the images of pack are, as in registry.example/mesh; digests come from build/NAME.oci",
    )
    .option("--image <filter=reference>", "a filter's image, oci://…@sha256:… (repeatable)", collect)
    .option("--output <folder>", "write a file for each resource, and not standard output")
    .option(
      "--diff <place>",
      "compare with files, or with what kubectl get -o yaml wrote; - is standard input",
    );
}

/** Prints, writes or compares the resources. Throws `ToldFailure` where they differ. */
export async function showRendered(
  rendered: Rendered,
  { output, diff }: OutputOptions,
  { out, err }: Screens,
): Promise<void> {
  if (output !== undefined && diff !== undefined) {
    throw new MeshwrightError("usage", "--output writes and --diff compares: give one of them");
  }
  err.print(rendered.warnings.map((line) => `warning: ${line}`));
  if (diff !== undefined) return compareWith(rendered, diff, { out, err });
  if (output === undefined) {
    const { toManifest } = await import("../../render/yaml.js");
    return out.print([toManifest(rendered.resources).trimEnd()]);
  }
  const { writeOutput } = await import("../../render/files/output.js");
  const names = await writeOutput(output, rendered.resources);
  out.print(names.map((name) => `${output}/${name}`));
}

async function compareWith(rendered: Rendered, place: string, { out, err }: Screens): Promise<void> {
  const [{ compare }, { readExisting }] = await Promise.all([
    import("../../render/diff/compare.js"),
    import("../../render/files/existing.js"),
  ]);
  const { text, summary, differs } = compare(rendered.resources, await readExisting(place));
  err.print(summary);
  if (!differs) return;
  out.print([text.trimEnd()]);
  throw new ToldFailure(DIFFERENT_EXIT_CODE);
}
