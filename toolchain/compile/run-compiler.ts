// Runs the AssemblyScript compiler in processes of its own: it blocks while it works, and a crash
// ends what it runs in. There is at most one for each core. A process takes as long to load the
// compiler as to compile a small filter, and four fifths of that again until V8 has warmed up, so
// it stays for the next job.

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const COMPILER = path.join(PACKAGE_ROOT, "toolchain/compile/compiler.js");

/** A compilation. */
export interface CompilerJob {
  /** The folder to which all names are relative, an absolute path. */
  readonly root: string;
  /** The entry file's path below `root`. */
  readonly entry: string;
  /** The compiler's other arguments, without its outputs. */
  readonly args: readonly string[];
  /** Texts of files that are not on the disk, by their paths below `root`. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** The compiler's output. */
export interface Made {
  readonly wasm: Uint8Array;
  /** The source map; empty without `--sourceMap`. */
  readonly map: string;
}

export interface CompilerAnswer {
  /** Absent where the compiler refused the sources. */
  readonly made?: Made | undefined;
  /** The compiler's own lines. */
  readonly output: string;
  /**
   * Each file that it read, as an absolute path, with the SHA-256 of its text in base64url; null
   * for files that it did not find.
   */
  readonly looked: readonly (readonly [file: string, digest: string | null])[];
}

/** How long a process without a job stays, in milliseconds. It has about 250 MB of memory. */
const IDLE_MS = 20_000;
/**
 * With the last, V8 does not optimize the optimizer, which is done before that pays: two fifths of
 * the work of compiling a small filter, a quarter of a large one's, and no sooner done.
 */
const NODE_OPTIONS = ["--enable-source-maps", "--liftoff-only"];

/** All processes; those without a job, the last used one at the end; and the jobs without one. */
const processes = new Set<CompilerProcess>();
const idle: CompilerProcess[] = [];
const waiting: ((free: CompilerProcess) => void)[] = [];
let holders = 0;

/**
 * Never rejects. After a crash of the compiler, the output says why there is no module.
 * @param onStart called when the job's turn has come
 */
export async function runCompiler(job: CompilerJob, onStart?: () => void): Promise<CompilerAnswer> {
  const compiler = await takeProcess();
  onStart?.();
  const answer = await compiler.run(job);
  giveBack(compiler);
  return answer;
}

/** Until all that this returns is disposed of, processes without a job stay. */
export function holdCompilers(): Disposable {
  holders++;
  return {
    [Symbol.dispose]: () => {
      holders--;
      for (const compiler of idle) compiler.endLater();
    },
  };
}

async function takeProcess(): Promise<CompilerProcess> {
  const free = idle.pop();
  if (free !== undefined) return free;
  if (processes.size < availableParallelism()) return new CompilerProcess();
  return new Promise((resolve) => waiting.push(resolve));
}

function giveBack(compiler: CompilerProcess): void {
  const next = waiting.shift();
  // The next job after a crash gets a new process.
  const free = compiler.hasEnded ? undefined : compiler;
  if (next !== undefined) next(free ?? new CompilerProcess());
  else if (free !== undefined) {
    idle.push(free);
    free.endLater();
  }
}

/** The processes end with this one. */
function endAll(): void {
  for (const compiler of processes) compiler.end();
}

/** A process that has the compiler loaded and does one job after another. */
class CompilerProcess {
  readonly #child: ChildProcess;
  /** What it wrote, which matters when it crashes. */
  #said = "";
  #answered: ((answer: CompilerAnswer) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  hasEnded = false;

  constructor() {
    this.#child = fork(COMPILER, {
      // The folder of a job may be removed while the process waits for the next one.
      cwd: PACKAGE_ROOT,
      execArgv: NODE_OPTIONS,
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    if (processes.size === 0) process.once("exit", endAll);
    processes.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text;
      });
    }
    this.#child.on("message", (message) => this.#answer(message as CompilerAnswer));
    this.#child.on("error", (error) => this.#onEnd(`${error.message}\n`));
    this.#child.on("exit", () => this.#leave());
    this.#child.on("close", () => this.#onEnd(""));
  }

  run(job: CompilerJob): Promise<CompilerAnswer> {
    clearTimeout(this.#timer);
    this.#said = "";
    this.#keepParent(true);
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#child.send(job, (error) => {
        if (error !== null) this.#said += `${error.message}\n`;
      });
    });
  }

  /** Ends the process unless it gets a job before, or is held then. */
  endLater(): void {
    clearTimeout(this.#timer);
    this.#keepParent(false);
    this.#timer = setTimeout(() => {
      if (holders > 0) return;
      this.#leave();
      this.end();
    }, IDLE_MS).unref();
  }

  end(): void {
    this.#child.kill();
  }

  #answer(answer: CompilerAnswer): void {
    this.#answered?.(answer);
    this.#answered = undefined;
  }

  #onEnd(reason: string): void {
    this.#leave();
    this.#answer({ output: this.#said + reason, looked: [] });
  }

  /** No more jobs go to it. */
  #leave(): void {
    this.hasEnded = true;
    processes.delete(this);
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1);
    if (processes.size === 0) process.off("exit", endAll);
  }

  /** Whether this process goes on while the compiler does. */
  #keepParent(keep: boolean): void {
    const { channel, stdout, stderr } = this.#child;
    for (const each of [this.#child, channel, stdout, stderr] as (Partial<NodeJS.RefCounted> | null)[]) {
      if (keep) each?.ref?.();
      else each?.unref?.();
    }
  }
}
