// Tells in one line that logs cannot be written, however many they are, and in another that all of
// them can again.

import type { LogState } from "../envoy/runtime/log-file.js";
import type { RunEvent } from "./events.js";

/** Takes the states of all logs of a run's folder. */
export function tellLogStates(folder: string, onEvent: (event: RunEvent) => void): LogState {
  const unwritten = new Set<string>();
  return (file, problem) => {
    const before = unwritten.size;
    if (problem === undefined) unwritten.delete(file);
    else unwritten.add(file);
    if (before === 0 && problem !== undefined) onEvent({ kind: "logs-unwritten", folder, reason: problem });
    if (before > 0 && unwritten.size === 0) onEvent({ kind: "logs-written", folder });
  };
}
