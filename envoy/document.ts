// Reads a YAML or JSON file and checks it against a schema. All problems are reported at once, each
// with file, line, column, path and reason.

import { readFile, stat } from "node:fs/promises";
import type { z } from "zod";
import { parseJson } from "./document/json.js";
import { LineIndex, offsetOf } from "./document/tree.js";
import { parseYaml } from "./document/yaml.js";
import { MeshwrightError } from "./errors.js";
import { checkValue, formatProblem } from "./problems.js";

/** `file:line:column` of a value in a document, or of its key in a mapping. */
export type PlaceOf = (path: readonly PropertyKey[]) => string;

/** A value that was read, and where its parts stand in the file. */
export interface Placed<T> {
  readonly value: T;
  readonly placeOf: PlaceOf;
}

/** The outcome of a check: the value that the schema made of the document, or the problems. */
export type Checked<T> =
  | ({ readonly ok: true } & Placed<T>)
  | { readonly ok: false; readonly lines: readonly string[] };

const MAX_BYTES = 1024 * 1024;

/**
 * Reads the file and checks it. `what` names the kind of file in an error ("mesh file",
 * "header-routing configuration"). Throws `MeshwrightError("configuration")`: the message has the
 * first problem, the details all others.
 */
export async function readDocument<S extends z.ZodType>(
  path: string,
  schema: S,
  what: string,
): Promise<z.output<S>> {
  return (await readPlaced(path, schema, what)).value;
}

/** Like `readDocument`, for a caller that must say later where something stands. */
export async function readPlaced<S extends z.ZodType>(
  path: string,
  schema: S,
  what: string,
): Promise<Placed<z.output<S>>> {
  const checked = checkDocument(await readText(path, what), schema, path);
  if (checked.ok) return checked;
  const [first = "", ...rest] = checked.lines;
  throw new MeshwrightError("configuration", `${what} refused: ${first}`, rest);
}

/**
 * Checks a document's text: strict JSON where the file's name ends in `.json`, otherwise YAML. The
 * lines about problems begin with `file`.
 */
export function checkDocument<S extends z.ZodType>(
  text: string,
  schema: S,
  file: string,
): Checked<z.output<S>> {
  const isJson = /\.json$/i.test(file);
  const content = isJson ? text : text.replace(/^\uFEFF/, "");
  const index = new LineIndex(content);
  const at = (offset: number | undefined) => (offset === undefined ? file : `${file}:${index.at(offset)}`);
  const refused = (...lines: string[]): Checked<z.output<S>> => ({ ok: false, lines });
  try {
    const parsed = isJson ? parseJson(content) : parseYaml(content);
    if (!parsed.ok) return refused(...parsed.faults.map(({ offset, reason }) => `${at(offset)}: ${reason}`));
    const checked = checkValue(parsed.value(), schema);
    if (checked.ok) {
      return { ok: true, value: checked.value, placeOf: (path) => at(offsetOf(parsed.root, path)) };
    }
    const places = checked.problems.map((problem) => ({
      ...problem,
      offset: offsetOf(parsed.root, problem.path),
    }));
    places.sort((a, b) => a.offset - b.offset);
    return refused(...places.map((problem) => `${at(problem.offset)}: ${formatProblem(problem)}`));
  } catch (error) {
    if (error instanceof RangeError) return refused(`${file}: nested too deep`);
    if (error instanceof ReferenceError) {
      return refused(`${file}: ${error.message.replace(/\s+/g, " ").trim()}; write the parts out`);
    }
    throw error;
  }
}

async function readText(path: string, what: string): Promise<string> {
  const refuse = (reason: string): never => {
    throw new MeshwrightError("configuration", `${what} refused: ${path}: ${reason}`);
  };
  try {
    // The file is examined before it is opened, because opening a pipe would wait for a writer.
    const facts = await stat(path);
    if (facts.isDirectory()) return refuse("is a folder; name a YAML or JSON file");
    if (!facts.isFile()) return refuse("is not a regular file");
    if (facts.size > MAX_BYTES) return refuse(`is larger than 1 MiB (${facts.size} bytes)`);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof MeshwrightError) throw error;
    if (error instanceof TypeError) return refuse("is not UTF-8 text");
    return refuse(openFailure(error));
  }
}

function openFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "may not be read (permission denied)";
  return (error as Error).message;
}
