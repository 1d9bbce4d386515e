// Compiles filters' modules right after a save, in a fraction of a second, into a folder of their
// own.

import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { refuseFlaws } from "../check/checks.js";
import { refuseDeepImports } from "../check/deep-imports.js";
import type { FilterPlace } from "../package/member.js";
import { modulePath } from "./build.js";
import { asCompiled, type Compiled, jobOf, notCompiled, withSourceMapUrl } from "./compile.js";
import { holdCompilers, runCompiler } from "./run-compiler.js";
import { sourceAt } from "./source.js";
import { sweep } from "./sweep.js";

/** The part of a filter that is used here. */
export type WarmFilter = Pick<FilterPlace, "name" | "entry">;

/** `built`, or the reason why there is no module: `MeshwrightError("build")`. */
export type WarmResult = "built" | MeshwrightError;

/** Disposing of it removes the folder. */
export class WarmModules implements Disposable {
  /** After a pause too, the next save finds the compiler loaded. */
  readonly #held = holdCompilers();
  /**
   * By the filter's name, the files of its module, and those that would belong to it if they
   * existed.
   */
  readonly #looked = new Map<string, ReadonlySet<string>>();

  /** vitest ends the process at a key without waiting. */
  readonly #removeFolder = () => rmSync(this.folder, { recursive: true, force: true });

  private constructor(readonly folder: string) {
    process.once("exit", this.#removeFolder);
  }

  /** @param folder made where it is missing. Default: a new temporary folder. */
  static async create(folder?: string): Promise<WarmModules> {
    if (folder !== undefined) await mkdir(folder, { recursive: true });
    return new WarmModules(folder ?? (await temporaryFolder()));
  }

  /**
   * Compiles a filter. After a failure its last module is removed, so that no test passes with
   * outdated code.
   */
  async build({ name, entry }: WarmFilter): Promise<WarmResult> {
    const module = this.path(name);
    const source = sourceAt(entry);
    // The cache is not used: after a save the sources are new, and every save would fill it.
    const { made, output, looked } = await runCompiler(jobOf(source, "none"));
    // A compiler that crashed does not say what it read.
    if (looked.length > 0) this.#looked.set(name, new Set(looked.map(([file]) => file)));
    try {
      await refuseDeepImports(source);
      if (made === undefined) throw notCompiled(source, output);
      const compiled = asCompiled(made);
      await refuseFlaws(source, compiled);
      await write(module, compiled);
      return "built";
    } catch (error) {
      if (!(error instanceof MeshwrightError)) throw error;
      await rm(module, { force: true });
      return error;
    }
  }

  /** The path at which `build` puts the module of the filter of that name. */
  path(name: string): string {
    return modulePath(name, this.folder);
  }

  /** Compiles a filter once in advance: at first the compiler takes several times as long. */
  async warmUp({ entry }: WarmFilter): Promise<void> {
    await runCompiler(jobOf(sourceAt(entry), "none"));
  }

  /** Whether the file belongs to the filter's module, or would if it existed. */
  uses({ name, entry }: WarmFilter, file: string): boolean {
    const looked = this.#looked.get(name);
    return looked?.has(file) ?? file.startsWith(path.dirname(entry) + path.sep);
  }

  /** The folders of all files from which modules are made. */
  folders(): ReadonlySet<string> {
    return new Set(
      [...this.#looked.values()].flatMap((files) => [...files].map((file) => path.dirname(file))),
    );
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#removeFolder);
    this.#removeFolder();
    this.#held[Symbol.dispose]();
  }
}

/** The folders of killed processes are removed. */
async function temporaryFolder(): Promise<string> {
  await sweep(tmpdir(), /^meshwright-watch-(\d+)-/);
  return mkdtemp(path.join(tmpdir(), `meshwright-watch-${process.pid}-`));
}

/** The module is written last: where it exists, its source map exists too. */
async function write(module: string, { debug, map }: Compiled): Promise<void> {
  await writeAtomically(`${module}.map`, map);
  await writeAtomically(module, withSourceMapUrl(debug, `${path.basename(module)}.map`));
}
