// What a person is told of a change that did not come about while Envoy runs. Each kind of failure
// has its own words, for each is mended elsewhere.

import { MeshwrightError } from "../envoy/errors.js";
import type { RunEvent } from "./events.js";

/**
 * The event for whatever was thrown while a change was made.
 * @param what the change, for a sentence: the file that was edited, or the filter
 */
export function failureEvent(error: unknown, what: string): RunEvent {
  if (!(error instanceof MeshwrightError)) {
    return { kind: "not-applied", what, lines: [`unexpected error: ${String(error)}`] };
  }
  const lines = [error.message, ...error.details];
  switch (error.code) {
    // The code of a filter that is not there, too, and of a schema that cannot be read.
    case "build":
    case "configuration":
    case "usage":
      return { kind: "file-refused", lines };
    default:
      return { kind: "not-applied", what, lines };
  }
}
