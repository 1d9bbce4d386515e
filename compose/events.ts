// The events while a mesh, or a single Envoy, starts and runs, and the lines that report them to a
// person.

import { listed } from "../envoy/problems.js";
import type { ChildExit } from "../envoy/runtime/child.js";

/** Where a filter stands: `<envoy>/<its name there>`. */
type FilterPlaces = readonly string[];

export type RunEvent =
  /** A message about something that takes long. */
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "ready"; readonly what: string; readonly seconds: number }
  /** Parts that are not ready yet, of so many in all. */
  | {
      readonly kind: "waiting";
      readonly what: readonly string[];
      readonly of: number;
      readonly seconds: number;
    }
  /** A changed setting is in force. */
  | { readonly kind: "applied"; readonly filter: string; readonly places: FilterPlaces }
  /** An Envoy that is not up gets a changed setting when it is started again. */
  | { readonly kind: "deferred"; readonly filter: string; readonly places: FilterPlaces }
  /** Envoy or the filter refused a changed setting; the last good one stays in force there. */
  | {
      readonly kind: "refused";
      readonly filter: string;
      readonly places: FilterPlaces;
      readonly reason: string;
    }
  /** The file as a whole is refused; nothing in it was applied. */
  | { readonly kind: "file-refused"; readonly lines: readonly string[] }
  /**
   * The change is not in force: Envoy does not answer, a file cannot be written, or an unexpected
   * error came. Everything else goes on.
   */
  | { readonly kind: "not-applied"; readonly what: string; readonly lines: readonly string[] }
  /** A filter's new module is in force, `seconds` after the save. */
  | { readonly kind: "reloaded"; readonly filter: string; readonly seconds: number }
  /** The optimized module of the same sources has replaced it. */
  | { readonly kind: "optimized"; readonly filter: string; readonly seconds: number }
  /** A filter could not be built again; its running module stays. */
  | { readonly kind: "build-failed"; readonly lines: readonly string[] }
  /** Envoy or the filter refused a new module; the running one stays. */
  | { readonly kind: "module-refused"; readonly filter: string; readonly reason: string }
  /** What filters wrote into an Envoy's log, ready to be shown. */
  | { readonly kind: "logged"; readonly lines: readonly string[] }
  /** What is right, and may mean something else than its writer thinks; each line has its place. */
  | { readonly kind: "warned"; readonly lines: readonly string[] }
  | { readonly kind: "restart-needed"; readonly paths: readonly string[] }
  /** Logs below this folder cannot be written; they are kept in memory until they can. */
  | { readonly kind: "logs-unwritten"; readonly folder: string; readonly reason: string }
  /** All logs are written again, those that were kept too. */
  | { readonly kind: "logs-written"; readonly folder: string }
  /** Certificates cannot be renewed; the old ones stay, and it is tried again. */
  | { readonly kind: "certificates-kept"; readonly reason: string }
  /** All certificates are new again. */
  | { readonly kind: "certificates-renewed" }
  /** The mesh has a new authority beside the old one. */
  | { readonly kind: "root-renewed"; readonly folder: string }
  /** A service or an Envoy ended by itself. */
  | {
      readonly kind: "ended";
      readonly what: string;
      readonly exit: ChildExit;
      readonly lastLines: readonly string[];
    }
  /** It is started again after that many seconds. */
  | { readonly kind: "restarting"; readonly what: string; readonly seconds: number }
  /** It is up again, `seconds` after its start began. */
  | { readonly kind: "restarted"; readonly what: string; readonly seconds: number }
  /** It did not come up again. The next attempt is made after that many seconds. */
  | {
      readonly kind: "not-restarted";
      readonly what: string;
      readonly lines: readonly string[];
      readonly againAfter: number;
    };

/** How many parts of a mesh a line names. */
const MOST_LISTED = 8;

/** The lines that report an event. */
export function describeEvent(event: RunEvent): string[] {
  switch (event.kind) {
    case "progress":
      return [event.text];
    case "ready":
      return [`ready after ${event.seconds.toFixed(1)} s: ${event.what}`];
    case "waiting":
      return [
        `${event.of - event.what.length} of ${event.of} are ready after ${event.seconds.toFixed(0)} s; waiting for: ${listed(event.what, MOST_LISTED)}`,
      ];
    case "applied":
      return [`applied: ${event.filter} at ${listed(event.places, MOST_LISTED)}`];
    case "deferred":
      return [
        `deferred: ${event.filter} at ${listed(event.places, MOST_LISTED)}: Envoy is not up there, and gets the settings when it is started again`,
      ];
    case "refused":
      return [
        `refused: ${event.filter} at ${listed(event.places, MOST_LISTED)}: ${event.reason}; the last good settings stay there`,
      ];
    case "file-refused":
      return [
        `${event.lines[0] ?? ""}; the last good settings stay`,
        ...event.lines.slice(1).map((line) => `  ${line}`),
      ];
    case "not-applied":
      return [
        `not applied: ${event.what}: ${event.lines[0] ?? ""}`,
        ...event.lines.slice(1).map((line) => `  ${line}`),
      ];
    case "reloaded":
      return [`reloaded: ${event.filter}, ${event.seconds.toFixed(1)} s after the save`];
    case "optimized":
      return [`optimized: ${event.filter}, ${event.seconds.toFixed(1)} s after the save`];
    case "build-failed":
      return [
        `${event.lines[0] ?? ""}; the running module stays`,
        ...event.lines.slice(1).map((line) => `  ${line}`),
      ];
    case "module-refused":
      return [`refused: the new ${event.filter}: ${event.reason}; the running module stays`];
    case "logged":
      return [...event.lines];
    case "warned":
      return event.lines.map((line) => `warning: ${line}`);
    case "restart-needed":
      return [`restart to apply: ${event.paths.join(", ")}`];
    case "logs-unwritten":
      return [
        `not written: the logs in ${event.folder} (${event.reason}): make room, or a folder that may be written to; the last 1 MB of each is kept until then`,
      ];
    case "logs-written":
      return [`written again: the logs in ${event.folder}`];
    case "certificates-kept":
      return [
        `not renewed: the mesh's certificates: ${event.reason}; the old ones stay until it can be done`,
      ];
    case "certificates-renewed":
      return ["renewed again: the mesh's certificates"];
    case "root-renewed":
      return [
        `renewed: the mesh's authority in ${event.folder}; clients from outside that trust the old one must trust the new one too`,
      ];
    case "ended": {
      const said = event.lastLines.length === 0 ? "it wrote nothing" : "its last lines:";
      return [
        `${event.what} ${describeExit(event.exit)}; ${said}`,
        ...event.lastLines.map((line) => `  ${line}`),
      ];
    }
    case "restarting":
      return [`starting ${event.what} again ${after(event.seconds)}`];
    case "restarted":
      return [`started again within ${event.seconds.toFixed(1)} s: ${event.what}`];
    case "not-restarted":
      return [
        `not started again: ${event.what}: ${event.lines[0] ?? ""}; the next attempt is made ${after(event.againAfter)}`,
        ...event.lines.slice(1).map((line) => `  ${line}`),
      ];
  }
}

function after(seconds: number): string {
  return seconds === 0 ? "at once" : `in ${seconds} s`;
}

/** How a process ended, as part of a sentence. */
export function describeExit({ code, signal }: ChildExit): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}
