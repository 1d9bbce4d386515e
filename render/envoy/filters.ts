// The filters of an Envoy's chains: where their modules are, and the entries and files for them.

import path from "node:path";
import { settingsOf } from "../../compose/chains.js";
import { type ModulePath, sharedVm } from "../../compose/filter-use.js";
import { inPlace, type NamedUse } from "../../compose/front/plan.js";
import { fileSource } from "../../envoy/config/discovery-source.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { discoveredFilter, filterFile } from "../../envoy/config/wasm.js";
import { toYaml } from "../../envoy/config/yaml.js";
import type { EnvoyFolders } from "./words.js";

/** A file of the output. */
export interface EnvoyFile {
  /** Below the folder of the output, with `/`. */
  readonly name: string;
  readonly text: string;
}

/** How filters get into an Envoy. */
export interface FilterForm {
  readonly modulePath: ModulePath;
  /** The entry of a chain. */
  readonly entry: (use: NamedUse) => HttpFilter;
  /** The file that a filter needs beside the configuration. */
  readonly fileOf: (use: NamedUse) => readonly EnvoyFile[];
}

/** The folder of the filters' files in the output. */
const FILES_FOLDER = "filters";

/** @param builtPath where a filter's module is on this machine */
export function filterForm(builtPath: ModulePath, folders: EnvoyFolders): FilterForm {
  const modulePath: ModulePath = (use) => {
    const file = builtPath(use);
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
    fileOf: (use) => [
      {
        name: `${FILES_FOLDER}/${fileName(use.name)}`,
        text: `# The settings of ${use.filter}. Envoy takes a change when a new file is renamed to this one's place.\n${toYaml(filterFile({ name: use.name, module: modulePath(use), configuration: settingsOf(use), ...sharedVm(use) }))}`,
      },
    ],
  };
}

function fileName(filter: string): string {
  return `${filter}.yaml`;
}
