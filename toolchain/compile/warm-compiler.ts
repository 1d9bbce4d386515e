// Compiles in a fraction of a second, for a test that follows a save: the compiler stays loaded in
// a thread of its own, and nothing is optimized.

import path from "node:path";
import { Worker } from "node:worker_threads";
import type { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { asCompiled, type Compiled, notCompiled } from "./compile.js";
import { packageOptions, type Source } from "./source.js";

/** A module for tests. */
export interface WarmBuild {
  /**
   * What the compiler made, or why it made nothing: `MeshwrightError("build")` with its lines as
   * details.
   */
  readonly result: Compiled | MeshwrightError;
  /** The files that it read, and those that it looked for and did not find; absolute paths. */
  readonly looked: ReadonlySet<string>;
}

interface Answer {
  readonly id: number;
  readonly made?: { readonly wasm: Uint8Array; readonly map: string };
  readonly output: string;
  readonly looked: readonly string[];
}

/**
 * A thread, since the compiler blocks while it works, and where it crashes it ends what it runs in.
 */
export class WarmCompiler implements AsyncDisposable {
  #thread: Worker | undefined;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #jobs = 0;

  /** Compiles one entry file in its package. Never rejects. */
  async compile(source: Source): Promise<WarmBuild> {
    const name = path.basename(path.dirname(source.entry));
    const outputs = { wasm: `${name}.wasm`, map: `${name}.wasm.map` };
    const options = ["-o", outputs.wasm, "--sourceMap", "--debug", "-O0", "--baseDir", source.root];
    const { made, output, looked } = await this.#send({
      ...outputs,
      args: [source.entry, ...options, ...packageOptions(source)],
    });
    return {
      result: made === undefined ? notCompiled(source, output) : asCompiled(made.wasm, made.map),
      looked: new Set(looked),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.terminate();
  }

  #send(job: { readonly args: readonly string[]; readonly wasm: string; readonly map: string }) {
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const id = this.#jobs++;
    return new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      thread.postMessage({ id, ...job });
    });
  }

  #start(): Worker {
    const thread = new Worker(path.join(PACKAGE_ROOT, "toolchain/compile/warm-compiler-thread.js"), {
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
    thread.on("message", (answer: Answer) => this.#answer(answer));
    thread.on("error", (error) => {
      said += `${error.message}\n`;
    });
    // The next job gets a new thread.
    thread.on("exit", () => {
      this.#thread = undefined;
      for (const id of this.#waiting.keys()) this.#answer({ id, output: said, looked: [] });
    });
    thread.unref();
    return thread;
  }

  #answer(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
