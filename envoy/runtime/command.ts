// Runs a program that ends soon, and describes how it failed.

import { execFile } from "node:child_process";

export type CommandResult =
  | { readonly outcome: "done"; readonly output: string }
  | {
      readonly outcome: "failed";
      /** Standard output, then standard error. */
      readonly output: string;
      /** Exit code; absent when the program did not start, was killed or took too long. */
      readonly code?: number;
      /** Why it failed, as half a sentence. */
      readonly reason: string;
    };

/**
 * Never rejects.
 * @param options `timeoutMs`: after this time the program is killed; `cwd`: its folder
 */
export function runBounded(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<CommandResult> {
  const { timeoutMs, env = process.env, cwd } = options;
  return new Promise((resolve) => {
    const settings = {
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      env,
      cwd,
      maxBuffer: 16 * 1024 * 1024,
    } as const;
    execFile(command, args, settings, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (!error) return resolve({ outcome: "done", output });
      const reason = failure(error, output, timeoutMs);
      resolve(
        typeof error.code === "number"
          ? { outcome: "failed", output, code: error.code, reason }
          : { outcome: "failed", output, reason },
      );
    });
  });
}

function failure(
  error: { code?: string | number | null; killed?: boolean; signal?: NodeJS.Signals | null | undefined },
  output: string,
  timeoutMs: number,
): string {
  switch (error.code) {
    case "ENOENT":
      return "there is no such program, or a library that it needs is missing";
    case "EACCES":
      return "it is not a file that this user may execute";
    case "ENOEXEC":
      return "it is not a program for this system and processor";
  }
  if (error.killed) return `it did not end within ${timeoutMs / 1000} s`;
  const firstLine = output.trim().split("\n")[0] ?? "";
  const how = error.signal ? `it ended by ${error.signal}` : `it ended with code ${error.code}`;
  return firstLine === "" ? how : `${how}: ${firstLine}`;
}
