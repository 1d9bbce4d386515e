// Loads the filters of one Envoy from their files and sources: the settings, and the compiled
// module.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Json } from "../../envoy/config/json.js";
import { readDocument } from "../../envoy/document.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Problem } from "../../envoy/problems.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import type { FilterChain } from "../../filters/descriptor.js";
import { findRunnable, type RunnableFilter } from "../../toolchain/bundle/find.js";
import { namedModule } from "../../toolchain/compile/module-source.js";
import type { PathRule } from "../filter-paths.js";
import type { FilterUse } from "../filter-use.js";
import { grpcServiceProblems } from "../grpc-services.js";
import { httpServiceProblems } from "../http-services.js";
import { LeanModules } from "../lean-modules.js";
import type { FilterFile } from "./arguments.js";

/** A filter at one place in the chain. */
export interface FrontFilter {
  readonly member: RunnableFilter;
  /** The file of its settings, as the user named it. */
  readonly file: string;
  readonly config: Json;
  readonly chain?: FilterChain;
  /** The paths on which it runs. Default: all. */
  readonly paths?: readonly PathRule[];
}

/** The names of the services that filters may call, which are those of their clusters. */
export interface CallableServices {
  readonly grpc: readonly string[];
  readonly http: readonly string[];
}

/** The names in the options of a front. */
export function callableServices(options: {
  readonly grpcServices?: object | undefined;
  readonly httpServices?: object | undefined;
}): CallableServices {
  const { grpcServices = {}, httpServices = {} } = options;
  return { grpc: Object.keys(grpcServices), http: Object.keys(httpServices) };
}

/** The part that Envoy's configuration needs. */
export function useOf({ member, config, chain, paths }: FrontFilter): FilterUse {
  return {
    filter: member.name,
    descriptor: member,
    config,
    paths,
    ...(chain === undefined ? {} : { chain }),
  };
}

/**
 * Throws `MeshwrightError`: `build` for an unknown filter, `configuration` for a file, `usage` for
 * a chain that a person may not choose.
 * @param services the names of the services that filters may call
 */
export async function readFrontFilter(
  { filter, file, chain, paths }: FilterFile,
  services: CallableServices,
): Promise<FrontFilter> {
  const member = await findRunnable(filter);
  if (chain !== undefined && !member.isOwn) {
    throw new MeshwrightError(
      "usage",
      `--filter ${filter}@${chain}: only your own filters take "@"; meshwright's filters that may stand there have "where" in their settings`,
    );
  }
  const schema = member.schema.superRefine((config, context) => {
    const use = { descriptor: member, config: config as Json };
    for (const { path, reason } of unnamedServiceProblems(use, services)) {
      context.addIssue({ code: "custom", path: [...path], message: reason });
    }
  });
  const config = (await readDocument(file, schema, `${member.name} configuration`)) as Json;
  return {
    member,
    file,
    config,
    ...(chain === undefined ? {} : { chain }),
    ...(paths === undefined ? {} : { paths }),
  };
}

/** A problem for each service that the filter calls and that no option names. */
export function unnamedServiceProblems(
  use: Pick<FilterUse, "descriptor" | "config">,
  { grpc, http }: CallableServices,
): Problem[] {
  return [
    ...grpcServiceProblems(use, grpc, remedy("--grpc-service")),
    ...httpServiceProblems(use, http, remedy("--http-service")),
  ];
}

function remedy(option: string): (name: string) => string {
  return (name) => `say where it is: ${option} ${name}=http://HOST:PORT`;
}

/**
 * Copies of modules that nothing else writes to. Envoy identifies a VM by its code and a discovered
 * configuration by its text, so each build gets a file of its own.
 */
export class ModuleCopies {
  readonly #folder: string;
  /** The content of each copy, for the day when somebody has removed the folder. */
  readonly #contents = new Map<string, Buffer>();
  readonly #lean: LeanModules;

  /** @param folder made with the first copy; nothing else writes there */
  constructor(folder: string) {
    this.#folder = folder;
    this.#lean = new LeanModules(folder);
  }

  /**
   * The file that runs this filter: the copy, or a lean build of it. Throws
   * `MeshwrightError("write-failed")`.
   */
  pathOf(copy: string, use: FilterUse): string {
    return this.#lean.pathOf(copy, use);
  }

  /** Copies all filters' modules. Returns the copies by the filters' names. */
  async copyAll(modules: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    const pairs = [...modules].map(async ([name, module]) => [name, await this.copy(name, module)] as const);
    return new Map(await Promise.all(pairs));
  }

  /** Copies a filter's module as it is now. */
  async copy(name: string, module: string): Promise<string> {
    const content = await readFile(namedModule(module));
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
    const copy = path.join(this.#folder, `${name}.${hash}.wasm`);
    this.#contents.set(copy, content);
    // The source map is found beside the module.
    const map = await readFile(`${module}.map`).catch(() => undefined);
    if (map !== undefined) {
      this.#contents.set(`${copy}.map`, map);
      await writeAtomically(`${copy}.map`, map);
    }
    await writeAtomically(copy, content);
    return copy;
  }

  /** Writes what somebody has removed again. Throws `MeshwrightError("write-failed")`. */
  async restore(): Promise<void> {
    for (const [copy, content] of this.#contents) {
      if (!existsSync(copy)) await writeAtomically(copy, content);
    }
    this.#lean.restore();
  }

  /** Removes all copies of a filter's module except this one. */
  async keepOnly(name: string, copy: string): Promise<void> {
    const isOld = (file: string) =>
      path.basename(file).replace(/\.[0-9a-f]+\.wasm(\.map)?$/, "") === name &&
      file !== copy &&
      file !== `${copy}.map`;
    for (const old of [...this.#contents.keys()].filter(isOld)) {
      this.#contents.delete(old);
      await this.#lean.drop(old);
      await rm(old, { force: true });
    }
  }
}
