// An operator's file with the filters in it, as text.

import { isDeepStrictEqual } from "node:util";
import { LineCounter, parseDocument } from "yaml";
import { MeshwrightError } from "../../../envoy/errors.js";
import { Origins } from "./origins.js";
import { type PatchPlan, patched } from "./patch.js";
import type { PatchContext } from "./place.js";
import { splice, Unspliceable } from "./splice.js";

/** A file that has been read and is one document. */
export interface OwnFile extends Pick<PatchContext, "file" | "placeOf"> {
  readonly text: string;
}

export interface PatchNotes {
  readonly warn: PatchContext["warn"];
  /** A line above a filter that is new in a chain. */
  readonly commentOf: (item: unknown) => string | undefined;
}

/**
 * The file's new text. Everything that need not change stays as it is.
 * @throws MeshwrightError `configuration` with file and line for a file that cannot be patched
 */
export function patchedText({ file, placeOf, text }: OwnFile, plan: PatchPlan, notes: PatchNotes): string {
  const lines = new LineCounter();
  const document = parseDocument(text, { keepSourceTokens: true, lineCounter: lines, prettyErrors: false });
  const value: unknown = document.toJS();
  const origins = new Origins();
  const target = patched({ file, placeOf, origins, warn: notes.warn }, value, plan);
  try {
    const after = splice({ text, document, origins, commentOf: notes.commentOf }, value, target);
    if (isDeepStrictEqual(parseDocument(after).toJS(), target)) return after;
    throw new Unspliceable(
      0,
      "is written in a way that cannot be changed in place: write its listeners, routes and clusters in block style, and without aliases of what changes",
    );
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error;
    const { line, col } = lines.linePos(error.offset);
    throw new MeshwrightError("configuration", `${file}:${line}:${col}: ${error.message}`, [], {
      cause: error,
    });
  }
}
