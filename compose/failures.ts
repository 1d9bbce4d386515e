// Describes a change that failed while Envoy runs. Each kind of failure has its own words, because
// each has its own remedy.

import { MeshwrightError } from "../envoy/errors.js";
import type { RunEvent } from "./events.js";

/**
 * The event for an error that was thrown while a change was made.
 * @param what names the change in a sentence: the edited file, or the filter
 */
export function failureEvent(error: unknown, what: string): RunEvent {
  if (!(error instanceof MeshwrightError)) {
    return { kind: "not-applied", what, lines: [`unexpected error: ${String(error)}`] };
  }
  const lines = [error.message, ...error.details];
  switch (error.code) {
    // This is also the code of a missing filter, and of a schema that cannot be read.
    case "build":
    case "configuration":
    case "usage":
      return { kind: "file-refused", lines };
    default:
      return { kind: "not-applied", what, lines };
  }
}
