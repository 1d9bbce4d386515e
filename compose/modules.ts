// Builds what a front or a mesh runs.

import path from "node:path";
import { buildBundle } from "../toolchain/bundle/bundle.js";
import type { RunnableFilter } from "../toolchain/bundle/find.js";
import { buildFilters } from "../toolchain/compile/build.js";

/**
 * Builds the filters whose modules are older than their sources, and returns the modules' files by
 * the filters' names. Throws `MeshwrightError("build")`.
 */
export async function buildModules(
  members: readonly RunnableFilter[],
  options: { readonly outDir?: string | undefined; readonly onProgress: (line: string) => void },
): Promise<ReadonlyMap<string, string>> {
  const { outDir, onProgress } = options;
  const distinct = [...new Map(members.map((member) => [member.entry, member])).values()];
  const entries = distinct.filter(({ parts }) => parts === undefined).map(({ entry }) => entry);
  const built = await buildFilters(entries, { onProgress, ...(outDir === undefined ? {} : { outDir }) });
  const bundles: (readonly [string, string])[] = [];
  for (const { name, entry, parts } of distinct) {
    if (parts === undefined) continue;
    await buildBundle(name, parts, { onProgress, outDir: path.dirname(entry) });
    bundles.push([name, entry]);
  }
  return new Map([...built.map(({ name, path: file }) => [name, file] as const), ...bundles]);
}
