// Reads a YAML or JSON file and checks it against a schema. All problems are reported at once, each
// with file, line, column, path and reason.

import { readFile, stat } from "node:fs/promises";
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
} from "yaml";
import type { z } from "zod";
import { MeshwrightError } from "./errors.js";
import { checkValue, formatProblem } from "./problems.js";

/** The outcome of a check: the value that the schema made of the document, or the problems. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly lines: readonly string[] };

const MAX_BYTES = 1024 * 1024;
/** Enough to reuse a block, and far too few for a document that doubles itself at every level. */
const MAX_ALIASES = 100;
const MAX_DEPTH = 64;

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
  const checked = checkDocument(await readText(path, what), schema, path);
  if (checked.ok) return checked.value;
  const [first = "", ...rest] = checked.lines;
  throw new MeshwrightError("configuration", `${what} refused: ${first}`, rest);
}

/** Checks a document's text. The lines about problems begin with `file`. */
export function checkDocument<S extends z.ZodType>(
  text: string,
  schema: S,
  file: string,
): Checked<z.output<S>> {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const refused = (...reasons: string[]): Checked<z.output<S>> => ({ ok: false, lines: reasons });
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
    if (!Array.isArray(documents) || documents[0] === undefined) return refused(`${file}: the file is empty`);
    const [document, second] = documents;
    if (second !== undefined)
      return refused(`${at(second.range[0])}: a second document begins here; keep one per file`);
    if (document.errors.some((fault) => fault.message.includes("call stack"))) throw new RangeError();
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0)
      return refused(...faults.map((fault) => `${at(fault.pos[0])}: ${oneLine(fault.message)}`));
    if (document.contents === null) return refused(`${file}: the file is empty`);
    if (depth(document, document.contents) > MAX_DEPTH)
      return refused(`${file}: nested more than ${MAX_DEPTH} levels deep`);
    const unusable = unusableKeys(document);
    if (unusable.length > 0)
      return refused(
        ...unusable.map((offset) => `${at(offset)}: "__proto__" cannot be a key; use another name`),
      );
    const checked = checkValue(document.toJS({ maxAliasCount: MAX_ALIASES }), schema);
    if (checked.ok) return checked;
    const places = checked.problems.map((problem) => ({
      ...problem,
      offset: offsetOf(document, problem.path),
    }));
    places.sort((a, b) => a.offset - b.offset);
    return refused(...places.map((problem) => `${at(problem.offset)}: ${formatProblem(problem)}`));
  } catch (error) {
    if (error instanceof RangeError) return refused(`${file}: nested too deep`);
    if (error instanceof ReferenceError)
      return refused(`${file}: ${oneLine(error.message)}; write the parts out`);
    throw error;
  }
}

/**
 * The place in the text that a path leads to: the value, or the key where the key itself is the
 * problem, or the last node that exists.
 */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    const item = isSeq(node)
      ? node.items[Number(step)]
      : isMap(node)
        ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step))
        : undefined;
    if (item === undefined) return offset;
    offset = startOf(isPair(item) ? item.key : item) ?? offset;
    node = isPair(item) ? item.value : item;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0];
}

/**
 * Where `__proto__` is a key. JavaScript gives it another meaning, and a schema of named things
 * would drop it silently.
 */
function unusableKeys(document: Document.Parsed): number[] {
  const found: number[] = [];
  visit(document, {
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === "__proto__") found.push(startOf(pair.key) ?? 0);
    },
  });
  return found;
}

/** How deep the nodes nest. An alias counts as one node; its target is counted at its own place. */
function depth(document: Document.Parsed, node: unknown): number {
  if (isPair(node)) return depth(document, node.value);
  if (!isMap(node) && !isSeq(node)) return 0;
  return 1 + node.items.reduce<number>((most, item) => Math.max(most, depth(document, item)), 0);
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
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
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

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
