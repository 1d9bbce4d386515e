// Replaces variables in the texts of a compose file: `$NAME`, `${NAME}`, and with a default, a
// replacement or a demand: `${NAME:-default}`, `${NAME:+instead}`, `${NAME:?message}`. Without the
// colon an empty variable counts as set. `$$` is a dollar sign.

import { isDict } from "./values.js";

/** The value of a variable. */
export type Lookup = (name: string) => string | undefined;

/** Why a text cannot be used. `path` is added on the way out. */
export class InterpolationError extends Error {
  path: readonly PropertyKey[] = [];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
const OPERATOR = /^(:?[-?+])(.*)$/s;
/** Nobody nests defaults deeper. */
const MAX_NESTING = 20;

/** The value with the variables of every text in it. @throws InterpolationError */
export function interpolateAll(value: unknown, lookup: Lookup, path: readonly PropertyKey[] = []): unknown {
  if (typeof value === "string") {
    try {
      return interpolate(value, lookup);
    } catch (error) {
      if (error instanceof InterpolationError) error.path = path;
      throw error;
    }
  }
  if (Array.isArray(value)) return value.map((item, i) => interpolateAll(item, lookup, [...path, i]));
  if (!isDict(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolateAll(item, lookup, [...path, key])]),
  );
}

/** @throws InterpolationError */
export function interpolate(text: string, lookup: Lookup, depth = 0): string {
  if (depth > MAX_NESTING) throw new InterpolationError("variables are nested too deep");
  let [result, rest] = ["", text];
  for (let at = rest.indexOf("$"); at >= 0; at = rest.indexOf("$")) {
    result += rest.slice(0, at);
    rest = rest.slice(at + 1);
    if (rest.startsWith("$")) {
      result += "$";
      rest = rest.slice(1);
    } else if (rest.startsWith("{")) {
      const end = closing(rest);
      if (end < 0) throw malformed(text);
      result += substitute(rest.slice(1, end), text, lookup, depth);
      rest = rest.slice(end + 1);
    } else {
      const [name] = NAME.exec(rest) ?? [];
      if (name === undefined) throw malformed(text);
      result += lookup(name) ?? "";
      rest = rest.slice(name.length);
    }
  }
  return result + rest;
}

/** What stands for `${…}`. */
function substitute(inside: string, text: string, lookup: Lookup, depth: number): string {
  const [name] = NAME.exec(inside) ?? [];
  if (name === undefined) throw malformed(text);
  const value = lookup(name);
  const after = inside.slice(name.length);
  if (after === "") return value ?? "";
  const [, operator = "", word = ""] = OPERATOR.exec(after) ?? [];
  const isSet = value !== undefined && (!operator.startsWith(":") || value !== "");
  switch (operator.at(-1)) {
    case "-":
      return isSet ? value : interpolate(word, lookup, depth + 1);
    case "+":
      return isSet ? interpolate(word, lookup, depth + 1) : (value ?? "");
    case "?": {
      if (isSet) return value;
      const said = interpolate(word, lookup, depth + 1);
      throw new InterpolationError(
        `the variable ${name} must be set${said === "" ? "" : ` (${said})`}: set it in .env or in your shell`,
      );
    }
    default:
      throw malformed(text);
  }
}

/** Where the brace that opens the text is closed, or -1. */
function closing(text: string): number {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{" && (i === 0 || text[i - 1] === "$")) open++;
    else if (text[i] === "}" && --open === 0) return i;
  }
  return -1;
}

function malformed(text: string): InterpolationError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new InterpolationError(
    `${JSON.stringify(shown)} has a "$" that begins no variable: write "$$" for a dollar sign`,
  );
}
