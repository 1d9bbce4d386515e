// Reads a YAML or JSON file and holds it against a schema. Whatever is wrong is told as file, line, column, path and reason, all of it at once.

import { readFile, stat } from "node:fs/promises";
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import { type core, z } from "zod";
import { MeshwrightError } from "./errors.js";

/** One thing that is wrong with a document. */
export interface Problem {
  /** The way from the document's root: keys and indexes. */
  readonly path: readonly PropertyKey[];
  readonly reason: string;
}

/** The outcome of a check: the value that the schema made of the document, or what is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly lines: readonly string[] };

const MAX_BYTES = 1024 * 1024;
/** Enough for honest reuse of a block, far too few for a document that doubles itself at every level. */
const MAX_ALIASES = 100;
const MAX_DEPTH = 64;

/**
 * Reads the file and checks it. `what` names its kind for the reader of an error ("mesh file", "header-routing configuration").
 * Throws `MeshwrightError("configuration")`: the message is the first problem, the details are all others.
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

/** Checks a document's text; `file` is what the lines about problems begin with. */
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
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0)
      return refused(...faults.map((fault) => `${at(fault.pos[0])}: ${oneLine(fault.message)}`));
    if (document.contents === null) return refused(`${file}: the file is empty`);
    if (depth(document, document.contents) > MAX_DEPTH)
      return refused(`${file}: nested more than ${MAX_DEPTH} levels deep`);
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

/** Checks a value that is already in memory. */
export function checkValue<S extends z.ZodType>(
  value: unknown,
  schema: S,
):
  | { readonly ok: true; readonly value: z.output<S> }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const result = schema.safeParse(value, { error: wording });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problems: result.error.issues.flatMap((issue) => problemsOf(issue, [])) };
}

/** A schema's issues as readable lines, `path: reason`. */
export function formatIssues(issues: readonly core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => problemsOf(issue, [])).map(formatProblem);
}

/** A path as people write it: `rules[0].match["odd key"]`. The root is `configuration`, as it is for the filters themselves. */
export function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "configuration";
  return path.map(formatStep).join("");
}

function formatStep(step: PropertyKey, index: number): string {
  if (typeof step === "number") return `[${step}]`;
  const key = String(step);
  if (!/^[A-Za-z0-9_-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
  return index === 0 ? key : `.${key}`;
}

function formatProblem(problem: Problem): string {
  return `${formatPath(problem.path)}: ${problem.reason}`;
}

function problemsOf(issue: core.$ZodIssue, above: readonly PropertyKey[]): Problem[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const reasons = issue.message.split("\n");
    return issue.keys.map((key, i) => ({ path: [...path, key], reason: reasons[i] ?? issue.message }));
  }
  if (issue.code === "invalid_key") return issue.issues.map((inner) => ({ path, reason: inner.message }));
  if (issue.code === "invalid_union") {
    const meant = meantBranch(issue.errors);
    if (meant !== undefined) return meant.flatMap((inner) => problemsOf(inner, path));
  }
  return [{ path, reason: issue.message }];
}

/** Of a union's branches the one that the writer most likely meant: it takes the keys that are there, and complains least. */
function meantBranch(
  branches: readonly (readonly core.$ZodIssue[])[],
): readonly core.$ZodIssue[] | undefined {
  const ofThatKind = branches.filter((issues) => !issues.some(isWrongKind));
  const unknownKeys = (issues: readonly core.$ZodIssue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 0), 0);
  return ofThatKind.toSorted((a, b) => unknownKeys(a) - unknownKeys(b) || a.length - b.length)[0];
}

function isWrongKind(issue: core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

/** Our words where zod's own say too little; a schema's own words come before either. */
function wording(issue: core.$ZodRawIssue): string | undefined {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(key, knownKeys(issue.inst))).join("\n");
  if (issue.code === "invalid_type" && issue.input === undefined) return "is required";
  if (issue.code === "invalid_union") return unionWording(issue);
  return undefined;
}

function unionWording(issue: core.$ZodRawIssue<core.$ZodIssueInvalidUnion>): string | undefined {
  if (issue.input === undefined) return "is required";
  if (Array.isArray(issue.options))
    return discriminatorWording(issue.input, String(issue.discriminator), issue.options.map(String));
  const kinds = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === "invalid_type" ? [inner.expected] : [])),
  );
  return kinds.length === 0 ? undefined : `expected ${[...new Set(kinds)].join(" or ")}`;
}

function discriminatorWording(input: unknown, key: string, known: readonly string[]): string {
  const given = (input as Record<string, unknown>)[key];
  if (given === undefined) return "is required";
  const near = nearest(String(given), known);
  return near === undefined
    ? `expected one of ${known.join(", ")}`
    : `there is no "${given}"; did you mean "${near}"?`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key; did you mean "${near}"?`;
  return known.length === 0 ? "unknown key" : `unknown key; expected one of ${known.join(", ")}`;
}

function knownKeys(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The candidate that a slip of the hand would turn into `word`, or undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter((entry) => entry.distance <= limit)
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 32) return 32;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Where in the text a path leads: to the value, to the key where the value is what should not be there, or as far as the document goes. */
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

/** How deep the nodes nest; an alias counts as one, its target is counted where it stands. */
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
    // Looked at before it is opened: opening a pipe would wait for a writer.
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
