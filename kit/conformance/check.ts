// One thing that every filter must hold to.

import assert from "node:assert";
import type { Subject } from "./subject.js";

export interface Check {
  /** Reads on from "a filter". */
  readonly name: string;
  /** Throws, with what is wrong and how to see it again, where the filter does not hold to it. */
  run(subject: Subject): void | Promise<void>;
}

/** Ends a check: the filter does not hold to it. */
export function broken(message: string): never {
  assert.fail(message);
}

/** A value for a message, as JSON, cut where it is too long to read. */
export function shown(value: unknown, limit = 120): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
