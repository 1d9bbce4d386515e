// Reads an operator's file and puts the filters into it.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { readPlaced } from "../../envoy/document.js";
import type { PatchPlan } from "../envoy/patch/patch.js";
import { type PatchNotes, patchedText } from "../envoy/patch/text.js";

export interface PatchedFile {
  readonly before: string;
  readonly after: string;
}

/**
 * The file's text before and after; nothing is written.
 * @throws MeshwrightError `configuration` with file and line for a file that cannot be patched
 */
export async function patchFile(file: string, plan: PatchPlan, notes: PatchNotes): Promise<PatchedFile> {
  // This check refuses several documents, repeated keys and what is no YAML, each with its line.
  const { placeOf } = await readPlaced(file, z.unknown(), "Envoy's configuration");
  const before = await readFile(file, "utf8");
  return { before, after: patchedText({ file, placeOf, text: before }, plan, notes) };
}
