// Runs a program to its end and keeps what it writes.

import { spawn } from "node:child_process";

/** How a program ended. */
export interface ProgramResult {
  /** The exit code; null where a signal ended it or it could not be started. */
  readonly code: number | null;
  /** What it wrote to both outputs, or why it could not be started. */
  readonly output: string;
}

/** Never rejects. */
export function runProgram(command: string, args: readonly string[], cwd?: string): Promise<ProgramResult> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
}
