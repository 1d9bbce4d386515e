// One requirement that every filter must meet.

import assert from "node:assert";
import type { Subject } from "./subject.js";

export interface Check {
  /** A verb phrase that continues "a filter …". */
  readonly name: string;
  /** Throws when the filter fails the check, and says what is wrong and how to see it again. */
  run(subject: Subject): void | Promise<void>;
}

/** Ends a check that the filter fails. */
export function broken(message: string): never {
  assert.fail(message);
}

/** A value for a message, as JSON, shortened when it is too long to read. */
export function shown(value: unknown, limit = 120): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** What to do where streams change each other's outcome on purpose. */
export const REMEMBERS =
  "If it keeps something from stream to stream on purpose, such as a count, say so in `remembers` of its facts.";

const BEFORE = 60;
const AFTER = 140;

/** The part of two texts around the first place where they differ. */
export function difference(one: string, other: string): readonly [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const part = (text: string) => {
    const piece = text.slice(Math.max(0, at - BEFORE), at + AFTER);
    return `${at > BEFORE ? "…" : ""}${piece}${text.length > at + AFTER ? "…" : ""}`;
  };
  return [part(one), part(other)];
}
