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
