// Lean builds of filters' modules, made where an Envoy's plan first names them: a module without
// the callbacks that the filter's settings do not need costs less per request. Other settings get
// another file, so that Envoy takes both in one step.

import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { leanModule } from "../envoy/module/lean.js";
import { compiledModule } from "../kit/host/compiled.js";
import { idleCallbacks } from "../kit/host/idle-callbacks.js";
import { releaseModule } from "../toolchain/compile/module-source.js";
import { settingsOf } from "./chains.js";
import { type FilterUse, sharedVm } from "./filter-use.js";

interface LeanFile {
  readonly content: Uint8Array;
  /** The whole module. */
  readonly of: string;
}

export class LeanModules {
  /** By their paths, for the day when somebody has removed the folder. */
  readonly #files = new Map<string, LeanFile>();
  /**
   * By settings and module, the callbacks that are not needed; by the cluster too where settings
   * name it.
   */
  readonly #idle = new WeakMap<object, Map<string, readonly string[]>>();

  /** @param folder made with the first file; nothing else writes files of these names there */
  constructor(readonly folder: string) {}

  /**
   * The file of the module that runs this filter; the whole module where its settings need all of
   * it.
   * @param module the whole module's file, which must not change
   * @throws MeshwrightError `write-failed`
   */
  pathOf(module: string, use: FilterUse): string {
    const idle = this.#idleOf(module, use);
    if (idle.length === 0) return module;
    const content = leanModule(readFileSync(module), idle);
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
    const file = path.join(this.folder, `${use.filter}.lean-${hash}.wasm`);
    this.#keep(file, { content, of: module });
    // The code stays where the source map has it.
    const map = `${releaseModule(module)}.map`;
    if (existsSync(map)) this.#keep(`${file}.map`, { content: readFileSync(map), of: module });
    return file;
  }

  /** The lean builds that were made. */
  get modules(): readonly string[] {
    return [...this.#files.keys()].filter((file) => file.endsWith(".wasm"));
  }

  /** Writes what somebody has removed again. Throws `MeshwrightError("write-failed")`. */
  restore(): void {
    for (const [file, { content }] of this.#files) if (!existsSync(file)) write(file, content);
  }

  /** Removes the lean builds of that module. */
  async drop(module: string): Promise<void> {
    for (const [file, { of }] of this.#files) {
      if (of !== module) continue;
      this.#files.delete(file);
      await rm(file, { force: true });
    }
  }

  #idleOf(module: string, use: FilterUse): readonly string[] {
    const { config, cluster } = use;
    if (typeof config !== "object" || config === null) return [];
    const known = this.#idle.get(config) ?? new Map<string, readonly string[]>();
    this.#idle.set(config, known);
    const isAlone = sharedVm(use).vmId === undefined;
    const settings = settingsOf(use);
    const key = JSON.stringify(settings === config ? [module] : [module, cluster]);
    const idle =
      known.get(key) ?? idleCallbacks(compiledModule(module), JSON.stringify(settings), { isAlone });
    known.set(key, idle);
    return idle;
  }

  #keep(file: string, lean: LeanFile): void {
    this.#files.set(file, lean);
    if (!existsSync(file)) write(file, lean.content);
  }
}

/** A reader sees the whole file or none. */
function write(file: string, content: Uint8Array): void {
  const partial = `${file}.${process.pid}.partial`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(partial, content);
    // An Envoy in a container has a user of its own.
    chmodSync(partial, 0o644);
    renameSync(partial, file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MeshwrightError(
      "write-failed",
      `cannot write ${file} (${reason}): make room, or a folder that you may write to`,
      [],
      { cause },
    );
  }
}
