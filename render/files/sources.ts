// Reads what is rendered: a mesh file, or filters' files.

import { parseFilterWord } from "../../compose/front/arguments.js";
import { readPlacedMesh } from "../../compose/mesh/file.js";
import { nameFile } from "../../compose/validate.js";
import type { Json } from "../../envoy/config/json.js";
import { readPlaced } from "../../envoy/document.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { findRunnable, type RunnableFilter } from "../../toolchain/bundle/find.js";
import type { PlacedUse, RenderInput } from "../input.js";

/**
 * Reads one mesh file, or filters' files in the order of the chain. A word is `FILE` or
 * `FILTER=FILE`, as for `validate`.
 * @throws MeshwrightError `configuration` for a file, `build` for an unknown filter, `usage` for
 * words that do not go together
 */
export async function readRenderInput(words: readonly string[]): Promise<RenderInput> {
  const named = await Promise.all(words.map(nameFile));
  const mesh = named.find(({ filter }) => filter === undefined);
  if (mesh === undefined) {
    const uses: PlacedUse[] = [];
    for (const { file, filter = "" } of named) uses.push(await readUse(filter, file));
    return { kind: "filters", uses };
  }
  if (named.length > 1) {
    throw new MeshwrightError(
      "usage",
      `${mesh.file} is a mesh file, which has its filters in it: render it alone`,
    );
  }
  const { value, placeOf } = await readPlacedMesh(mesh.file);
  return { kind: "mesh", file: mesh.file, mesh: value, placeOf };
}

async function readUse(word: string, file: string): Promise<PlacedUse> {
  const { filter, chain, paths } = parseFilterWord(word, `${word}=${file}`);
  const member: RunnableFilter = await findRunnable(filter);
  if (chain !== undefined && !member.isOwn) {
    throw new MeshwrightError(
      "usage",
      `${word}=${file}: only your own filters take "@"; meshwright's filters that may stand there have "where" in their settings`,
    );
  }
  const { value, placeOf } = await readPlaced(file, member.schema, `${member.name} configuration`);
  const words = { ...(chain === undefined ? {} : { chain }), ...(paths === undefined ? {} : { paths }) };
  return { filter: member.name, descriptor: member, config: value as Json, ...words, placeOf };
}
