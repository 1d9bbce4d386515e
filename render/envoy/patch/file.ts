// Reads an operator's file, and writes it with the filters in it.

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { readPlaced } from "../../../envoy/document.js";
import { MeshwrightError } from "../../../envoy/errors.js";
import { Origins } from "./origins.js";
import { type PatchPlan, patched } from "./patch.js";
import type { PatchContext } from "./place.js";
import { splice, Unspliceable } from "./splice.js";

export interface PatchedFile {
  readonly before: string;
  readonly after: string;
}

/**
 * The file's text before and after. Everything that need not change stays as it is.
 * @param commentOf a line above a filter that is new in a chain
 * @throws MeshwrightError `configuration` with file and line for a file that cannot be patched
 */
export async function patchFile(
  file: string,
  plan: PatchPlan,
  {
    warn,
    commentOf,
  }: { readonly warn: PatchContext["warn"]; readonly commentOf: (item: unknown) => string | undefined },
): Promise<PatchedFile> {
  // This check refuses several documents, repeated keys and what is no YAML, each with its line.
  const { placeOf } = await readPlaced(file, z.unknown(), "Envoy's configuration");
  const before = await readFile(file, "utf8");
  const lines = new LineCounter();
  const document = parseDocument(before, { keepSourceTokens: true, lineCounter: lines, prettyErrors: false });
  const value: unknown = document.toJS();
  const origins = new Origins();
  const target = patched({ file, placeOf, origins, warn }, value, plan);
  try {
    const after = splice({ text: before, document, origins, commentOf }, value, target);
    if (isDeepStrictEqual(parseDocument(after).toJS(), target)) return { before, after };
    throw new Unspliceable(
      0,
      "is written in a way that cannot be changed in place: write its listeners, routes and clusters in block style",
    );
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error;
    const { line, col } = lines.linePos(error.offset);
    throw new MeshwrightError("configuration", `${file}:${line}:${col}: ${error.message}`, [], {
      cause: error,
    });
  }
}
