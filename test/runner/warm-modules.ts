// Modules of filters for tests that follow a save: compiled in a fraction of a second, into a folder of their own.

import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/live-file.js";
import { refuseFlaws } from "../../filters/checks.js";
import { type Compiled, withSourceMapUrl } from "../../filters/compile.js";
import { WarmCompiler } from "../../filters/warm-compiler.js";
import type { Room } from "./room.js";

/** Whether there is a module, or why there is none: `MeshwrightError("build")`. */
export type WarmResult = "built" | MeshwrightError;

/** Disposing of it removes the folder. */
export class WarmModules implements Disposable {
  readonly #compiler = new WarmCompiler();
  /** By the filter's name, the files that its module is made of or would be, were they there. */
  readonly #looked = new Map<string, ReadonlySet<string>>();

  /** vitest ends the process at a key, and waits for nobody. */
  readonly #removeFolder = () => rmSync(this.folder, { recursive: true, force: true });

  private constructor(readonly folder: string) {
    process.once("exit", this.#removeFolder);
  }

  static async create(): Promise<WarmModules> {
    return new WarmModules(await mkdtemp(path.join(tmpdir(), "meshwright-watch-")));
  }

  /** Compiles a filter. Where that fails its last module is removed, so that no test passes on what is no longer there. */
  async build(room: Room): Promise<WarmResult> {
    const module = path.join(this.folder, `${room.name}.wasm`);
    const { result, looked } = await this.#compiler.compile(room.source);
    // A compiler that crashed does not say what it read.
    if (looked.size > 0) this.#looked.set(room.name, looked);
    try {
      if (result instanceof MeshwrightError) throw result;
      await refuseFlaws({ source: room.source, workFile: `${module}.partial.wasm` }, result);
      await write(module, result);
      return "built";
    } catch (error) {
      if (!(error instanceof MeshwrightError)) throw error;
      await rm(module, { force: true });
      return error;
    }
  }

  /** Whether the filter's module is made of the file, or would be if it were there. */
  uses({ name, folder }: Room, file: string): boolean {
    const looked = this.#looked.get(name);
    return looked?.has(file) ?? file.startsWith(folder + path.sep);
  }

  /** The folders of all that modules are made of. */
  folders(): ReadonlySet<string> {
    return new Set(
      [...this.#looked.values()].flatMap((files) => [...files].map((file) => path.dirname(file))),
    );
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#removeFolder);
    this.#removeFolder();
    void this.#compiler[Symbol.asyncDispose]();
  }
}

/** The module comes last: where it is, so is its source map. */
async function write(module: string, { debug, map }: Compiled): Promise<void> {
  await writeAtomically(`${module}.map`, map);
  await writeAtomically(module, withSourceMapUrl(debug, `${path.basename(module)}.map`));
}
