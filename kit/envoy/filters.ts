// The filters of a test's Envoy. A discovery server gives it their settings, which may change while
// Envoy runs.
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { discoveredFilter, type WasmFilterOptions, wasmFilterResource } from "../../envoy/config/wasm.js";
import { type ApplyResult, LiveFilter } from "../../envoy/discovery/live-filter.js";
import type { FilterSource } from "../../envoy/discovery/source.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { RunningEnvoy } from "../../envoy/runtime/running.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";

/**
 * A filter in the chain of a test's Envoy. `module` is the path of a .wasm file, or the name of a
 * built filter.
 */
export type HarnessFilter = WasmFilterOptions;

/** A filter of a chain: a Wasm filter, or one of Envoy's own as Envoy's configuration writes it. */
export type ChainFilter = HarnessFilter | HttpFilter;

/** One Envoy's discovered filters, in the listener's chain and in the upstream chain. */
export class LiveFilters {
  readonly #source: FilterSource;
  readonly #filters = new Map<string, HarnessFilter>();
  readonly #live = new Map<string, LiveFilter>();

  /** @param source where that Envoy gets its filters' settings */
  constructor(source: FilterSource) {
    this.#source = source;
  }

  /** The folders that hold the modules. */
  get moduleFolders(): readonly string[] {
    return [...this.#filters.values()].map(({ module }) => dirname(module));
  }

  /**
   * Keeps the settings of a chain for an Envoy that does not run yet. Returns the chain as Envoy's
   * configuration names it.
   * @throws MeshwrightError `build` when a module does not exist and cannot be built,
   * `configuration` when two filters have the same name
   */
  async add(filters: readonly ChainFilter[]): Promise<readonly HttpFilter[]> {
    const chain: HttpFilter[] = [];
    for (const filter of filters) chain.push("module" in filter ? await this.#addWasm(filter) : filter);
    return chain;
  }

  async #addWasm(filter: HarnessFilter): Promise<HttpFilter> {
    const { name } = filter;
    if (this.#filters.has(name)) {
      throw new MeshwrightError(
        "configuration",
        `two filters are named "${name}": give each a name of its own`,
      );
    }
    const options = { ...filter, module: await moduleFile(filter.module) };
    this.#filters.set(name, options);
    this.#source.keep(wasmFilterResource(options));
    return discoveredFilter(name);
  }

  /**
   * Takes over the Envoy that has got the settings.
   * @throws MeshwrightError `configuration` when Envoy refused a filter's
   */
  async attach({ admin, logs }: RunningEnvoy): Promise<void> {
    for (const name of this.#filters.keys()) {
      const live = new LiveFilter({ admin, logs, name, source: this.#source });
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
    const { configuration: _, ...rest } = filter;
    return live.apply(wasmFilterResource(configuration === undefined ? rest : { ...rest, configuration }));
  }
}

async function moduleFile(module: string): Promise<string> {
  if (!module.endsWith(".wasm")) return filterModule(module);
  const path = resolve(module);
  if (existsSync(path)) return path;
  throw new MeshwrightError(
    "build",
    `there is no module at ${path}: build it first, with \`meshwright build\``,
  );
}
