// Describes what is wrong with a value: where, and what to do. The words are the same for files,
// for options and for filters.

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
function withoutEchoes(problems: readonly Problem[]): Problem[] {
  const slips = problems.flatMap(({ path, reason }) => {
    const meant = SUGGESTION.exec(reason)?.[1];
    return meant === undefined ? [] : [{ parent: path.slice(0, -1), meant }];
  });
  const isEcho = ({ path, reason }: Problem) =>
    slips.some(({ parent, meant }) =>
      reason === REQUIRED
        ? samePath(path, [...parent, meant])
        : samePath(path, parent) && reason.split(/[^A-Za-z0-9_-]+/).includes(meant),
    );
  return problems.filter((problem) => !isEcho(problem));
}

function samePath(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return a.length === b.length && a.every((step, i) => step === b[i]);
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

/** The candidate that one typing mistake turns into `word`, or undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter((entry) => entry.distance <= limit)
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** How many characters must be added, removed or changed to make one word from the other. */
export function editDistance(a: string, b: string): number {
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
