// Numbers and times as a policy has them.

import { z } from "zod";
import { millisecondsOf } from "../../../filters/shared/rule-schema.js";

export function whole(least: number, most: number) {
  const range = `must be from ${least} to ${most}`;
  return z.number().int("must be a whole number").min(least, range).max(most, range);
}

/** A checked length of time in seconds; undefined where none was written. */
export function secondsOf(text: string): number;
export function secondsOf(text: string | undefined): number | undefined;
export function secondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : (millisecondsOf(text) ?? 0) / 1000;
}
