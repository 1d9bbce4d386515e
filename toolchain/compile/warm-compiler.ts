// Compiles in a fraction of a second, for a test run after a save: the compiler stays loaded in a
// thread of its own, and nothing is optimized.

import { Worker } from "node:worker_threads";
import type { MeshwrightError } from "../../envoy/errors.js";
import { asCompiled, type Compiled, jobOf, notCompiled } from "./compile.js";
import { COMPILER, type CompilerAnswer, type CompilerJob } from "./run-compiler.js";
import type { Source } from "./source.js";

/** A module for tests. */
export interface WarmBuild {
  /**
   * The compiled module, or why there is none: `MeshwrightError("build")` with the compiler's lines
   * as details.
   */
  readonly result: Compiled | MeshwrightError;
  /** The files that it read, and those that it looked for and did not find; absolute paths. */
  readonly looked: ReadonlySet<string>;
}

/** What the thread sends. */
interface Message {
  readonly id: number;
  readonly answer: CompilerAnswer;
}

/**
 * A thread, because the compiler blocks while it works, and a crash ends the thread or process that
 * it runs in.
 */
export class WarmCompiler implements AsyncDisposable {
  #thread: Worker | undefined;
  readonly #waiting = new Map<number, (answer: CompilerAnswer) => void>();
  #jobs = 0;

  /** Compiles one entry file in its package. Never rejects. */
  async compile(source: Source): Promise<WarmBuild> {
    // Not from the cache: after a save the sources are new, and the cache would grow with every
    // save.
    const { made, output, looked } = await this.#send(jobOf(source, "none"));
    return {
      result: made === undefined ? notCompiled(source, output) : asCompiled(made),
      looked: new Set(looked.map(([file]) => file)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.terminate();
  }

  #send(job: CompilerJob): Promise<CompilerAnswer> {
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const id = this.#jobs++;
    return new Promise<CompilerAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
      thread.postMessage({ id, job });
    });
  }

  #start(): Worker {
    const thread = new Worker(COMPILER, {
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    let said = "";
    for (const stream of [thread.stdout, thread.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    thread.on("message", (message: Message) => this.#answer(message));
    thread.on("error", (error) => {
      said += `${error.message}\n`;
    });
    // The next job gets a new thread.
    thread.on("exit", () => {
      this.#thread = undefined;
      for (const id of this.#waiting.keys()) this.#answer({ id, answer: { output: said, looked: [] } });
    });
    thread.unref();
    return thread;
  }

  #answer({ id, answer }: Message): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
