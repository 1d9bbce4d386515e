// Where something stands in the operator's file, for errors and for reading its untyped values.

import type { PlaceOf } from "../../../envoy/document.js";
import { MeshwrightError } from "../../../envoy/errors.js";
import type { Origins } from "./origins.js";

/** A mapping of Envoy's configuration, as the file has it. */
export type Fields = Readonly<Record<string, unknown>>;

export type Path = readonly PropertyKey[];

/** What every part of a patch needs. */
export interface PatchContext {
  readonly file: string;
  readonly placeOf: PlaceOf;
  readonly origins: Origins;
  /** Tells what the reader must do or know. */
  readonly warn: (line: string) => void;
}

/** Throws with the place in the file. */
export function refuse({ placeOf }: PatchContext, path: Path, reason: string): never {
  throw new MeshwrightError("configuration", `${placeOf(path)}: ${reason}`);
}

/** A mapping; `undefined` where the file has none. */
export function fieldsAt(context: PatchContext, value: unknown, path: Path): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as Fields;
  return refuse(context, path, "is not a mapping, and Envoy has one here");
}

/** A list of mappings; empty where the file has none. */
export function listAt(context: PatchContext, value: unknown, path: Path): readonly Fields[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return refuse(context, path, "is not a list, and Envoy has one here");
  return value.map((item, i) => fieldsAt(context, item, [...path, i]) ?? {});
}

/** A text; `undefined` where the file has none. */
export function textAt(context: PatchContext, value: unknown, path: Path): string | undefined {
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  return refuse(context, path, "is not a text, and Envoy has one here");
}

/** The type of a message, without what is before its name. */
export function typeOf(value: unknown): string {
  const type = (value as Fields | null | undefined)?.["@type"];
  return typeof type === "string" ? type.replace(/^.*\//, "") : "";
}
