// Matchers for messages: their headers, trailers and status.

import type { MatcherState } from "vitest";
import type { HeaderList } from "../traffic.js";
import { messageOf } from "./subject.js";
import { hint, isSuch, listedPairs, suggestion, wanted } from "./words.js";

/** The result that vitest expects of a matcher. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

export function toHaveHeader(
  this: MatcherState,
  received: unknown,
  name: string,
  value?: string | RegExp,
): MatcherResult {
  const { headers } = messageOf(received, "toHaveHeader");
  return havePair(this, { matcher: "toHaveHeader", what: "header", all: headers }, name, value);
}

export function toHaveTrailer(
  this: MatcherState,
  received: unknown,
  name: string,
  value?: string | RegExp,
): MatcherResult {
  const { trailers } = messageOf(received, "toHaveTrailer");
  return havePair(this, { matcher: "toHaveTrailer", what: "trailer", all: trailers }, name, value);
}

export function toHaveStatus(this: MatcherState, received: unknown, status: number): MatcherResult {
  const { headers, status: actual } = messageOf(received, "toHaveStatus");
  return {
    pass: actual === status,
    message: () =>
      [
        hint(this, "toHaveStatus", status),
        wanted(this, "status", status),
        `Received: ${this.utils.printReceived(actual)}`,
        listedPairs("headers", headers),
      ].join("\n"),
  };
}

interface Looked {
  readonly matcher: string;
  /** The word for a pair, "header" or "trailer". */
  readonly what: string;
  readonly all: HeaderList;
}

/** One of a name's repeats is enough, and the case of names does not matter. */
function havePair(
  state: MatcherState,
  { matcher, what, all }: Looked,
  name: string,
  value: string | RegExp | undefined,
): MatcherResult {
  const values = all.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, each]) => each);
  const pass = value === undefined ? values.length > 0 : values.some((each) => isSuch(each, value));
  const message = () => {
    const there = values.map((each) => state.utils.printReceived(each)).join(", ");
    const names = all.map(([each]) => each);
    return [
      hint(state, matcher, name, value),
      value === undefined
        ? `Expected ${state.isNot ? "no " : ""}${what} ${name}`
        : wanted(state, `${what} ${name}`, value),
      values.length > 0 ? `Received: ${there}` : `There is no such ${what}.${suggestion(name, names)}`,
      listedPairs(`${what}s`, all),
    ].join("\n");
  };
  return { pass, message };
}
