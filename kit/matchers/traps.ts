// After a trap a filter has done nothing, and Envoy answers in its place: that is what a failed
// expectation must tell.

import type { MatcherState } from "vitest";
import type { MatcherResult } from "./headers.js";
import { trapsOf } from "./subject.js";

type Matcher<Rest extends readonly unknown[]> = (
  this: MatcherState,
  received: unknown,
  ...rest: Rest
) => MatcherResult;

/** The same matcher, whose message ends with what ended a filter's VM. */
export function tellingTraps<Rest extends readonly unknown[]>(matcher: Matcher<Rest>): Matcher<Rest> {
  return function (received, ...rest) {
    const result = matcher.call(this, received, ...rest);
    return { ...result, message: () => [result.message(), ...trapsOf(received).slice(0, SHOWN)].join("\n") };
  };
}

/** The first traps say why; each worker repeats them. */
const SHOWN = 2;
