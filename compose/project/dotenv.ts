// Reads files of variables as compose does: `.env` beside the compose file, and `env_file` of a
// service.

import { InterpolationError, interpolate, type Lookup } from "./interpolate.js";

/** Why a file cannot be used. */
export class DotenvError extends Error {
  constructor(
    /** From 1. */
    readonly line: number,
    reason: string,
  ) {
    super(reason);
  }
}

export interface DotenvOptions {
  /** The variables that the file may refer to, and that lines without "=" take over. */
  readonly lookup: Lookup;
  /** Values as they stand: no quotes, no variables, no comments behind them. */
  readonly raw?: boolean;
  /** The variables of earlier files, which this one changes. */
  readonly earlier?: Readonly<Record<string, string>>;
}

const LINE = /^\s*(?:export\s+)?([\p{L}\p{N}_.[\]-]+)\s*(?:[=:][^\S\n]*|$)/u;
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  $: "$$",
};

/** The variables of a file, in its order, after the earlier ones. @throws DotenvError */
export function parseDotenv(
  text: string,
  { lookup, raw = false, earlier = {} }: DotenvOptions,
): Map<string, string> {
  const found = new Map(Object.entries(earlier));
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const known: Lookup = (name) => lookup(name) ?? found.get(name);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (/^\s*(#|$)/.test(line)) continue;
    const [matched, name] = LINE.exec(line) ?? [];
    if (matched === undefined || name === undefined) {
      throw new DotenvError(i + 1, "is not NAME=VALUE");
    }
    const value = line.slice(matched.length);
    if (!/[=:]/.test(matched)) {
      const inherited = lookup(name);
      if (inherited !== undefined) found.set(name, inherited);
    } else if (raw) {
      found.set(name, value);
    } else if (/^["']/.test(value)) {
      const quoted = quotedValue(lines, i, value);
      found.set(name, expanded(quoted.text, value[0] === '"', known, i));
      i = quoted.last;
    } else {
      found.set(name, expanded(value.replace(/\s#.*$/, "").trim(), true, known, i));
    }
  }
  return found;
}

function expanded(text: string, hasVariables: boolean, lookup: Lookup, line: number): string {
  if (!hasVariables) return text;
  try {
    return interpolate(text, lookup);
  } catch (error) {
    if (error instanceof InterpolationError) throw new DotenvError(line + 1, error.message);
    throw error;
  }
}

/** A value in quotes, which may go on over several lines. */
function quotedValue(lines: readonly string[], first: number, start: string): { text: string; last: number } {
  const quote = start[0] ?? "";
  let text = "";
  let rest = start.slice(1);
  for (let i = first; i < lines.length; i++) {
    if (i > first) {
      text += "\n";
      rest = lines[i] ?? "";
    }
    for (let j = 0; j < rest.length; j++) {
      const next = rest[j + 1] ?? "";
      if (rest[j] === quote) return { text, last: i };
      if (rest[j] === "\\" && next === quote) {
        text += quote;
        j++;
      } else if (rest[j] === "\\" && quote === '"' && next in ESCAPES) {
        text += ESCAPES[next];
        j++;
      } else text += rest[j];
    }
  }
  throw new DotenvError(first + 1, "has a quote that is not closed");
}
