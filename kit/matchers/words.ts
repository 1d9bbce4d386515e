// The words in which matchers say what they expected and what they found.

import type { MatcherState } from "vitest";
import { nearest } from "../../envoy/problems.js";
import type { HeaderList } from "../traffic.js";

const MOST_LINES = 40;
const MOST_CHARACTERS = 200;

/**
 * The call of a matcher, as the first line of its message:
 * `expect(received).not.toHaveHeader("x-user", "gold")`.
 */
export function hint({ utils, isNot }: MatcherState, matcher: string, ...wanted: readonly unknown[]): string {
  const given = wanted
    .filter((value) => value !== undefined)
    .map((value) => oneLine(value, utils.printExpected));
  return `expect(${utils.RECEIVED_COLOR("received")})${isNot ? ".not" : ""}.${matcher}(${given.join(", ")})\n`;
}

/** An object of plain parts in one line; anything else as `print` writes it. */
export function oneLine(value: unknown, print: (part: unknown) => string): string {
  if (!(value instanceof Object) || value instanceof RegExp || Array.isArray(value)) return print(value);
  const parts = Object.entries(value).map(([name, part]) => `${name}: ${print(part)}`);
  return parts.length === 0 ? "" : `{ ${parts.join(", ")} }`;
}

/** `Expected header x-user: "gold"`, or `Expected header x-user: not "gold"`. */
export function wanted({ utils, isNot }: MatcherState, what: string, value: unknown): string {
  return `Expected ${what}: ${isNot ? "not " : ""}${utils.printExpected(value)}`;
}

/** ` Did you mean "x-user"?`, when a name is one slip away. */
export function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, [...new Set(names)]);
  return near === undefined ? "" : ` Did you mean "${near}"?`;
}

/** Everything that was found, one item a line. */
export function listed(what: string, texts: readonly string[]): string {
  if (texts.length === 0) return `There are no ${what}.`;
  const shown = texts.slice(-MOST_LINES).map((text) => `  ${shortened(text)}`);
  const rest = texts.length - shown.length;
  return [`All ${what}:`, ...(rest > 0 ? [`  … ${rest} before these`] : []), ...shown].join("\n");
}

export function listedPairs(what: string, pairs: HeaderList): string {
  return listed(
    what,
    pairs.map(([name, value]) => `${name}: ${value}`),
  );
}

/** Whether a text equals or matches the expected one. */
export function isSuch(text: string, asked: string | RegExp): boolean {
  return typeof asked === "string"
    ? text === asked
    : new RegExp(asked.source, asked.flags.replace(/[gy]/g, "")).test(text);
}

function shortened(text: string): string {
  const plain = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return plain.length <= MOST_CHARACTERS
    ? plain
    : `${plain.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`;
}
