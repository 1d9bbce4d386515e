// What the subcommands of `meshwright render` have in common: options, and what becomes of the
// resources.

import { setImmediate } from "node:timers/promises";
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
  /** Why standard output lacks a part of what was printed; undefined where it is whole. */
  readonly unwritten?: (() => NodeJS.ErrnoException | undefined) | undefined;
}

/** Options of every subcommand. */
export interface OutputOptions {
  readonly image?: readonly string[];
  readonly registry?: string;
  readonly output?: string;
  readonly diff?: string;
}

/** The options by which images are named. */
export function withImageOptions(command: Command): Command {
  return command
    .option(
      "--registry <prefix>",
      "where the images of pack are, as in registry.example/mesh; digests come from build/NAME.oci",
    )
    .option("--image <filter=reference>", "a filter's image, oci://…@sha256:… (repeatable)", collect);
}

/** These, and those by which the output is chosen. */
export function withOutputOptions(command: Command): Command {
  return withImageOptions(command)
    .option("--output <folder>", "write a file for each resource, and not standard output")
    .option(
      "--diff <place>",
      "compare with files, or with what kubectl get -o yaml wrote; - is standard input",
    );
}

/**
 * Prints, writes or compares the resources. Throws `ToldFailure` where they differ, and
 * `MeshwrightError("write-failed")` where they cannot be written as a whole.
 */
export async function showRendered(
  rendered: Rendered,
  { output, diff }: OutputOptions,
  screens: Screens,
): Promise<void> {
  const { out, err } = screens;
  if (output !== undefined && diff !== undefined) {
    throw new MeshwrightError("usage", "--output writes and --diff compares: give one of them");
  }
  err.print(rendered.warnings.map((line) => `warning: ${line}`));
  if (diff !== undefined) return compareWith(rendered, diff, screens);
  if (output === undefined) {
    const { toManifest } = await import("../../render/yaml.js");
    out.print([toManifest(rendered.resources).trimEnd()]);
    return refuseUnwritten(screens);
  }
  const { writeOutput } = await import("../../render/files/output.js");
  const names = await writeOutput(output, rendered.resources);
  out.print(names.map((name) => `${output}/${name}`));
}

/** Half of the resources, applied, would be a mesh that nobody has described. */
async function refuseUnwritten({ unwritten }: Screens): Promise<void> {
  // A stream tells of its failure after the call that wrote.
  await setImmediate();
  const failure = unwritten?.();
  if (failure === undefined) return;
  throw new MeshwrightError(
    "write-failed",
    `standard output does not have all resources (${failure.code ?? failure.message}): make room, and render again`,
  );
}

async function compareWith(rendered: Rendered, place: string, screens: Screens): Promise<void> {
  const { out, err } = screens;
  const [{ compare }, { readExisting }] = await Promise.all([
    import("../../render/diff/compare.js"),
    import("../../render/files/existing.js"),
  ]);
  const { text, summary, differs } = compare(rendered.resources, await readExisting(place));
  err.print(summary);
  if (!differs) return;
  out.print([text.trimEnd()]);
  await refuseUnwritten(screens);
  throw new ToldFailure(DIFFERENT_EXIT_CODE);
}
