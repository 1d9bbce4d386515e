// `meshwright test adder --watch` in an author's package with one filter, for the tests of what the
// command does after a save.

import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type AuthorPackage, authorPackage } from "./author-package.js";
import { CliProcess } from "./cli-process.js";

/** The command, in its first state in which all tests have passed. Disposing of it kills it. */
export class WatchedAdder implements AsyncDisposable {
  private constructor(
    readonly author: AuthorPackage,
    readonly command: CliProcess,
    private readonly temporary: string,
  ) {}

  static async start(): Promise<WatchedAdder> {
    const author = await authorPackage();
    await author.writeFilter("adder");
    // At the same time other tests, of `meshwright run`, have a filter with this name.
    const temporary = await mkdtemp(path.join(tmpdir(), "watched-adder-"));
    const env = { TMPDIR: temporary };
    const watched = new WatchedAdder(
      author,
      new CliProcess(["test", "adder", "--watch"], author.root, { env }),
      temporary,
    );
    try {
      await watched.command.until(/^units: 1 passed, 0 failed$/m);
    } catch (error) {
      await watched[Symbol.asyncDispose]();
      throw error;
    }
    return watched;
  }

  /** A file of the filter, as an absolute path. */
  at(file: string): string {
    return path.join(this.author.root, "filters/adder", file);
  }

  /** The folders in which the command keeps its module. */
  async moduleFolders(): Promise<readonly string[]> {
    const names = (await readdir(this.temporary)).filter((name) => name.startsWith("meshwright-watch-"));
    return names.filter((name) => existsSync(path.join(this.temporary, name, "adder.wasm")));
  }

  /** Waits for a pattern in what the command writes after this call. */
  afterNow(): (pattern: RegExp) => Promise<unknown> {
    const from = this.command.stdout.length;
    return (pattern) => this.command.until(new RegExp(`(?<=^[\\s\\S]{${from},})${pattern.source}`, "m"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]();
    await this.author[Symbol.asyncDispose]();
    await rm(this.temporary, { recursive: true, force: true });
  }
}
