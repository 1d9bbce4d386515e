// Runs a program to its end and keeps its output.

import { type ChildProcess, spawn } from "node:child_process";

/** How a program ended. */
export interface ProgramResult {
  /** The exit code; null where a signal ended the program or it could not be started. */
  readonly code: number | null;
  /** What it wrote to both outputs, or why it could not be started. */
  readonly output: string;
}

const running = new Set<ChildProcess>();

/** The program ends with this process. */
function endAll(): void {
  for (const child of running) child.kill();
}

/** Never rejects. */
export function runProgram(command: string, args: readonly string[], cwd?: string): Promise<ProgramResult> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  if (running.size === 0) process.once("exit", endAll);
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise<ProgramResult>((resolve) => {
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  }).finally(() => {
    running.delete(child);
    if (running.size === 0) process.off("exit", endAll);
  });
}
