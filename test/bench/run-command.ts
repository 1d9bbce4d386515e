// Runs a benchmark's command line: a failure that the benchmark knows is one line, not a stack.

import type { Command } from "commander";
import { MeshwrightError } from "../../envoy/errors.js";

export async function runCommand(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof MeshwrightError)) throw error;
    for (const line of [`error: ${error.message}`, ...error.details]) console.error(line);
    process.exitCode = 1;
  }
}
