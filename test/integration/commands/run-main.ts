// A command in this process, for tests of what it writes and how it ends. A process of its own
// takes about a second of CPU time; `cli-process.ts` has one, for signals and what is left
// behind.

import { main } from "../../../cli/main.js";
import "../../support/source-reader.js";

/** Runs the command to its end, in this folder. */
export async function runMain(args: readonly string[], cwd = process.cwd()) {
  const written = { stdout: "", stderr: "" };
  const output = (stream: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[stream] += text;
    },
  });
  const here = process.cwd();
  process.chdir(cwd);
  try {
    const exitCode = await main(args, { stdout: output("stdout"), stderr: output("stderr"), env: {} });
    return { exitCode, ...written };
  } finally {
    process.chdir(here);
  }
}
