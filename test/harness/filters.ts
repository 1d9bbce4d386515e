// The filters of a test's Envoy: each is delivered by a file of its own, which can change while Envoy runs.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { discoveredFilter, type WasmFilterOptions, wasmFilterResource } from "../../envoy/config/wasm.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { type ApplyResult, LiveFilter, writeAtomically } from "../../envoy/runtime/live-file.js";
import type { EnvoyProcess } from "../../envoy/runtime/process.js";
import { modulePath } from "../../filters/build.js";

/** A filter in the chain of a test's Envoy. `module` is the path of a .wasm file, or the name of a filter that is built. */
export type HarnessFilter = WasmFilterOptions;

/** The discovery files of one Envoy's filters. */
export class LiveFilters {
  readonly #filters = new Map<string, { readonly options: HarnessFilter; readonly path: string }>();
  readonly #live = new Map<string, LiveFilter>();

  /** @param directory made when it is missing */
  constructor(directory: string, filters: readonly HarnessFilter[]) {
    for (const filter of filters) {
      const options = { ...filter, module: moduleFile(filter.module) };
      // A folder for each: Envoy reads every file of a watched folder again when one of them changes.
      this.#filters.set(filter.name, { options, path: join(directory, filter.name, "filter.json") });
    }
  }

  /** The chain as the listener names it. */
  get chain(): readonly HttpFilter[] {
    return [...this.#filters].map(([name, { path }]) => discoveredFilter({ name, path }));
  }

  /** Writes the files for an Envoy that does not run yet. */
  async write(): Promise<void> {
    for (const { options, path } of this.#filters.values()) {
      await mkdir(dirname(path), { recursive: true });
      await writeAtomically(path, JSON.stringify(wasmFilterResource(options)));
    }
  }

  /**
   * Takes on the Envoy that has read the files.
   * @throws MeshwrightError `configuration` when it refused one of them
   */
  async attach({ admin, logs }: EnvoyProcess): Promise<void> {
    for (const [name, { path }] of this.#filters) {
      const live = new LiveFilter({ admin, logs, name, path });
      const reason = await live.refusalAtStart();
      if (reason !== undefined) {
        throw new MeshwrightError(
          "configuration",
          `Envoy refuses filter "${name}": ${reason}`,
          logs().split("\n").slice(-40),
        );
      }
      this.#live.set(name, live);
    }
  }

  configure(name: string, configuration: Json | undefined): Promise<ApplyResult> {
    const filter = this.#filters.get(name);
    const live = this.#live.get(name);
    if (filter === undefined || live === undefined) {
      const names = [...this.#filters.keys()].join(", ");
      throw new MeshwrightError(
        "configuration",
        `there is no filter "${name}" in this Envoy, only: ${names}`,
      );
    }
    const { configuration: _, ...rest } = filter.options;
    return live.apply(wasmFilterResource(configuration === undefined ? rest : { ...rest, configuration }));
  }
}

function moduleFile(module: string): string {
  const path = module.endsWith(".wasm") ? module : modulePath(module);
  if (!existsSync(path)) {
    throw new MeshwrightError(
      "build",
      `there is no module at ${path}: build it first, with \`meshwright build\``,
    );
  }
  return path;
}
