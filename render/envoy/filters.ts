// The filters of an Envoy's chains: where their modules are, and the entries and files for them.

import path from "node:path";
import { inPlace, type NamedUse } from "../../compose/front/plan.js";
import { buildModules } from "../../compose/modules.js";
import { fileSource } from "../../envoy/config/discovery-source.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { discoveredFilter, filterFile } from "../../envoy/config/wasm.js";
import { toYaml } from "../../envoy/config/yaml.js";
import { compiledModule } from "../../kit/host/compiled.js";
import { findRunnable } from "../../toolchain/bundle/find.js";
import { dryRun } from "../dry-run.js";
import { filterNames, filterUses, type RenderInput } from "../input.js";
import type { EnvoyFolders } from "./words.js";

/** A file of the output. */
export interface EnvoyFile {
  /** Below the folder of the output, with `/`. */
  readonly name: string;
  readonly text: string;
}

/** How filters get into an Envoy. */
export interface FilterForm {
  readonly modulePath: (filter: string) => string;
  /** The entry of a chain. */
  readonly entry: (use: NamedUse) => HttpFilter;
  /** The file that a filter needs beside the configuration. */
  readonly fileOf: (use: NamedUse) => readonly EnvoyFile[];
}

/** The folder of the filters' files in the output. */
const FILES_FOLDER = "filters";

/**
 * Builds the modules and tries every configuration on its module: an Envoy that starts with one
 * that its module refuses answers every request with 500.
 * @throws MeshwrightError `build`, and `configuration` with the place of what a module refuses
 */
export async function filterForm(
  input: RenderInput,
  folders: EnvoyFolders,
  onProgress: (line: string) => void,
): Promise<FilterForm> {
  const members = await Promise.all(filterNames(input).map((name) => findRunnable(name)));
  const built = await buildModules(members, { onProgress });
  for (const { filter, config, placeOf } of filterUses(input)) {
    dryRun(filter, compiledModule(built.get(filter) ?? ""), JSON.stringify(config), placeOf([]));
  }
  const modulePath = (filter: string) => {
    const file = built.get(filter) ?? "";
    return folders.modules === undefined
      ? path.resolve(file)
      : path.posix.join(folders.modules, path.basename(file));
  };
  const { files } = folders;
  if (files === undefined) return { modulePath, entry: inPlace(modulePath), fileOf: () => [] };
  return {
    modulePath,
    entry: ({ name }) =>
      discoveredFilter(name, { source: fileSource(path.posix.join(files, fileName(name))) }),
    fileOf: ({ name, filter, config }) => [
      {
        name: `${FILES_FOLDER}/${fileName(name)}`,
        text: `# The settings of ${filter}. Envoy takes a change when a new file is renamed to this one's place.\n${toYaml(filterFile({ name, module: modulePath(filter), configuration: config }))}`,
      },
    ],
  };
}

function fileName(filter: string): string {
  return `${filter}.yaml`;
}
