// Runs of `meshwright up` on one copy of the demo.

import { readdir } from "node:fs/promises";
import path from "node:path";
import { CliProcess, processesNaming } from "../commands/cli-process.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

/** One or two whole starts, on a machine that is busy with other tests. */
export const UP_TEST_MS = 100_000;

export class DemoRuns implements AsyncDisposable {
  private constructor(readonly demo: DemoCopy) {}

  static async prepare(): Promise<DemoRuns> {
    return new DemoRuns(await copyDemo());
  }

  get folder(): string {
    return this.demo.folder;
  }

  /** Starts it as a process, with traffic of its own. */
  up(): CliProcess {
    const { file, folder } = this.demo;
    return new CliProcess(["up", file, "--engine", "process", "--port", "0", "--traffic", "20"], folder);
  }

  /** The processes that still run. */
  left(): string[] {
    return processesNaming(this.folder).filter((line) => !line.includes("vitest"));
  }

  /** What is in the folder of the mesh's runs. */
  files(): Promise<string[]> {
    return readdir(path.join(this.folder, ".meshwright", "demo"));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.demo[Symbol.asyncDispose]();
  }
}
