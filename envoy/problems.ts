// Describes what is wrong with a value: where, and what to do. The words are the same for files,
// for options and for filters.

import { distance } from "fastest-levenshtein";
import { type core, z } from "zod";

/** One problem of a document. */
export interface Problem {
  /** The path from the document's root: keys and indexes. */
  readonly path: readonly PropertyKey[];
  readonly reason: string;
}

const REQUIRED = "is required";
/** Part of the line about a key that is one typing mistake away from a known one. */
const SUGGESTION = /^unknown key; did you mean "(.*)"\?$/;

/** No person has more names in mind. A file of tens of thousands is still checked in seconds. */
const MAX_CANDIDATES = 256;
const MAX_LISTED = 32;

/** Checks a value that is already in memory. */
export function checkValue<S extends z.ZodType>(
  value: unknown,
  schema: S,
):
  | { readonly ok: true; readonly value: z.output<S> }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const result = schema.safeParse(value, { error: wording });
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    problems: withoutEchoes(result.error.issues.flatMap((issue) => problemsOf(issue, []))),
  };
}

/** A schema's issues as readable lines, `path: reason`. */
export function formatIssues(issues: readonly core.$ZodIssue[]): string[] {
  return withoutEchoes(issues.flatMap((issue) => problemsOf(issue, []))).map(formatProblem);
}

/**
 * A path as people write it: `rules[0].match["odd key"]`. The root is `configuration`, as it is for
 * the filters themselves.
 */
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

/** `path: reason`. */
export function formatProblem(problem: Problem): string {
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

/**
 * Keeps one line for each typing mistake. Where a key is reported as misspelt, the problems that
 * say that the right key is missing are left out: `is required` at the right key's place, and a
 * rule over the keys of the same object ("exactly one of a, b") that names it.
 */
function withoutEchoes(problems: readonly Problem[]): readonly Problem[] {
  /** The keys that were meant, by the path of their object. */
  const meant = new Map<string, Set<string>>();
  for (const { path, reason } of problems) {
    const key = SUGGESTION.exec(reason)?.[1];
    if (key === undefined) continue;
    const parent = keyOf(path.slice(0, -1));
    meant.set(parent, (meant.get(parent) ?? new Set()).add(key));
  }
  if (meant.size === 0) return problems;
  const isEcho = ({ path, reason }: Problem) => {
    if (reason === REQUIRED) return meant.get(keyOf(path.slice(0, -1)))?.has(String(path.at(-1))) ?? false;
    const keys = meant.get(keyOf(path));
    return keys !== undefined && reason.split(/[^A-Za-z0-9_-]+/).some((word) => keys.has(word));
  };
  return problems.filter((problem) => !isEcho(problem));
}

function keyOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

/**
 * The branch of a union that the writer most likely meant: it accepts the given keys, or keys that
 * are nearly the same, and has the fewest problems.
 */
function meantBranch(
  branches: readonly (readonly core.$ZodIssue[])[],
): readonly core.$ZodIssue[] | undefined {
  const ofThatKind = branches.filter((issues) => !issues.some(isWrongKind));
  const unknownKeys = (issues: readonly core.$ZodIssue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 0), 0);
  return ofThatKind.toSorted(
    (a, b) => strangeKeys(a) - strangeKeys(b) || unknownKeys(a) - unknownKeys(b) || a.length - b.length,
  )[0];
}

/** How many keys are neither known nor one typing mistake away from a known key. */
function strangeKeys(issues: readonly core.$ZodIssue[]): number {
  const lines = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.message.split("\n") : [],
  );
  return lines.filter((line) => !SUGGESTION.test(line)).length;
}

function isWrongKind(issue: core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

/** Our words, used where zod's say too little. A schema's own words come first. */
function wording(issue: core.$ZodRawIssue): string | undefined {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(key, knownKeys(issue.inst))).join("\n");
  if (issue.code === "invalid_type" && issue.input === undefined) return REQUIRED;
  if (issue.code === "invalid_union") return unionWording(issue);
  return undefined;
}

function unionWording(issue: core.$ZodRawIssue<core.$ZodIssueInvalidUnion>): string | undefined {
  if (issue.input === undefined) return REQUIRED;
  if (Array.isArray(issue.options))
    return discriminatorWording(issue.input, String(issue.discriminator), issue.options.map(String));
  const kinds = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === "invalid_type" ? [inner.expected] : [])),
  );
  return kinds.length === 0 ? undefined : `expected ${[...new Set(kinds)].join(" or ")}`;
}

function discriminatorWording(input: unknown, key: string, known: readonly string[]): string {
  const given = (input as Record<string, unknown>)[key];
  if (given === undefined) return REQUIRED;
  const near = nearest(String(given), known);
  return near === undefined
    ? `expected one of ${listed(known)}`
    : `there is no "${given}"; did you mean "${near}"?`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key; did you mean "${near}"?`;
  return known.length === 0 ? "unknown key" : `unknown key; expected one of ${listed(known)}`;
}

function knownKeys(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The candidate that one typing mistake turns into `word`, or undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const [given, ranked] = [word.toLowerCase(), new Map<string, number>()];
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const known = candidate.toLowerCase();
    const far = isSwapped(given, known) ? 1 : distance(given, known);
    if (far <= limit) ranked.set(candidate, far);
  }
  return [...ranked].toSorted(([, a], [, b]) => a - b)[0]?.[0];
}

/** Whether two letters that follow one another have changed places. */
function isSwapped(a: string, b: string): boolean {
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  return at >= 0 && a === `${b.slice(0, at)}${b[at + 1]}${b[at]}${b.slice(at + 2)}`;
}

/**
 * Names for a person to choose from. A list that nobody would read is cut.
 * @param most how many a cut list has
 */
export function listed(names: readonly string[], most = MAX_LISTED): string {
  const rest = names.length - most;
  // In the place of "and 1 more" the name itself says more.
  return rest <= 1 ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${rest} more`;
}
