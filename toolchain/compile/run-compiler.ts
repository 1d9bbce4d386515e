// Runs the AssemblyScript compiler in a process of its own.

import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

/** The program of the compiler's process and of its thread. */
export const COMPILER = path.join(PACKAGE_ROOT, "toolchain/compile/compiler.js");

/** What to compile. */
export interface CompilerJob {
  /** The folder that all names are relative to; an absolute path. */
  readonly root: string;
  /** The entry file's path below `root`. */
  readonly entry: string;
  /** The compiler's other arguments, without its outputs. */
  readonly args: readonly string[];
  /** Texts of files that are not on disk, by their paths below `root`. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** What the compiler wrote. */
export interface Made {
  readonly wasm: Uint8Array;
  /** The source map; empty without `--sourceMap`. */
  readonly map: string;
}

export interface CompilerAnswer {
  /** Missing if the compiler refused the sources. */
  readonly made?: Made | undefined;
  /** The compiler's own lines. */
  readonly output: string;
  /**
   * Each file that it read, as an absolute path, with the SHA-256 of its text in base64url; null
   * for files that it looked for and did not find.
   */
  readonly looked: readonly (readonly [file: string, digest: string | null])[];
}

/**
 * The last option keeps V8 from optimizing the optimizer, which has finished before that pays. It
 * saves two fifths of the work of compiling a small filter and a quarter of a large one's, and no
 * time.
 */
const NODE_OPTIONS = ["--enable-source-maps", "--liftoff-only"];

const running = new Set<ChildProcess>();

/** Ends all compilers, which must not outlive this process. */
function endAll(): void {
  for (const child of running) child.kill();
}

/** Never rejects: if a compiler crashed, the output says why there is no module. */
export function runCompiler(job: CompilerJob): Promise<CompilerAnswer> {
  const child = fork(COMPILER, {
    cwd: job.root,
    execArgv: NODE_OPTIONS,
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  if (running.size === 0) process.once("exit", endAll);
  running.add(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  let answer: CompilerAnswer | undefined;
  child.on("message", (message) => {
    answer = message as CompilerAnswer;
  });
  return new Promise<CompilerAnswer>((resolve) => {
    child.on("error", (error) => {
      said += `${error.message}\n`;
      resolve({ output: said, looked: [] });
    });
    child.on("close", () => resolve(answer ?? { output: said, looked: [] }));
    child.send(job, (error) => {
      if (error !== null) said += `${error.message}\n`;
    });
  }).finally(() => {
    running.delete(child);
    if (running.size === 0) process.off("exit", endAll);
  });
}
