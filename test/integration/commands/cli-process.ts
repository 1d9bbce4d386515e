// The real command as a process, for tests of what only a process has: signals, exit codes, files
// and processes left behind.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../../cli/meshwright.js", import.meta.url));
const WAIT_MS = 90_000;

/** A running command. Disposing of it kills it. */
export class CliProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;
  #stdout = "";
  #stderr = "";

  /**
   * @param program the program for Node. Default: the one of this checkout.
   * @param env environment variables besides those of this process.
   */
  constructor(
    args: readonly string[],
    cwd: string,
    { program = COMMAND, env = {} }: { readonly program?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    this.#child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.exited = new Promise((resolve) => this.#child.once("close", resolve));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * The first match of the pattern on standard output. Throws with all output when the command
   * ends, or when no match comes in time.
   */
  async until(pattern: RegExp, waitMs = WAIT_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const running = this.running;
      // Output from before its end may still be on the way.
      if (!running) await this.exited;
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (!running || Date.now() > deadline) {
        throw new Error(`the command did not write ${pattern}:\n${this.#stdout}\n${this.#stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}

/** Runs the command to its end. */
export async function runCli(args: readonly string[], cwd: string, program?: string) {
  await using command = new CliProcess(args, cwd, program === undefined ? {} : { program });
  const exitCode = await command.exited;
  return { exitCode, stdout: command.stdout, stderr: command.stderr };
}

/** The command lines of all processes that contain this text. */
export function processesNaming(text: string): string[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid,args"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.includes(text) && !/\bps -eo\b/.test(line));
}
