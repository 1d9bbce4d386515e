// Writes what was rendered into a folder in one step.

import { type FolderFile, writeFolder } from "../../envoy/runtime/atomic-folder.js";
import type { Resource } from "../resource.js";
import { resourceText } from "../yaml.js";

/** Lists what a run wrote. Only a folder that has it is replaced. */
const OUTPUT_MARK = ".meshwright-render";

/**
 * Replaces the folder by files of these resources, and returns their names. Files of an earlier run
 * go with it, and where a write fails the old folder stays as it was.
 * @throws MeshwrightError `write-failed`, also where the folder has something else in it
 */
export function writeOutput(folder: string, resources: readonly Resource[]): Promise<readonly string[]> {
  return writeFiles(folder, outputFiles(resources));
}

/** The same for files that are made already. @throws MeshwrightError `write-failed` */
export async function writeFiles(folder: string, files: readonly FolderFile[]): Promise<readonly string[]> {
  const names = files.map(({ name }) => name);
  const mark = { name: OUTPUT_MARK, bytes: names.map((name) => `${name}\n`).join("") };
  await writeFolder(folder, [...files, mark], {
    mark: OUTPUT_MARK,
    kind: "output of render",
    option: "--output",
  });
  return names;
}

/** A file for each resource, by kind and name; below its namespace where there are two. */
function outputFiles(resources: readonly Resource[]): readonly FolderFile[] {
  const namespaces = new Set(resources.map(({ metadata }) => metadata.namespace));
  return resources.map((resource) => {
    const { kind, metadata } = resource;
    const folder = namespaces.size > 1 && metadata.namespace !== undefined ? `${metadata.namespace}/` : "";
    return {
      name: `${folder}${kind.toLowerCase()}-${metadata.name}.yaml`,
      bytes: resourceText(resource),
    };
  });
}
