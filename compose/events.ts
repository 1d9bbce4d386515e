// The events while a mesh, or a single Envoy, starts and runs, and the lines that report them to a
// person.

import type { ChildExit } from "../envoy/runtime/child.js";

/** Where a filter stands: `<envoy>/<its name there>`. */
type FilterPlaces = readonly string[];

export type RunEvent =
  /** A message about something that takes long. */
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "ready"; readonly what: string; readonly seconds: number }
  | { readonly kind: "waiting"; readonly what: readonly string[]; readonly seconds: number }
  /** A changed setting is in force. */
  | { readonly kind: "applied"; readonly filter: string; readonly places: FilterPlaces }
  /** Envoy or the filter refused a changed setting; the last good one stays in force. */
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
  | { readonly kind: "restart-needed"; readonly paths: readonly string[] }
  /** A service or an Envoy ended by itself. */
  | {
      readonly kind: "ended";
      readonly what: string;
      readonly exit: ChildExit;
      readonly lastLines: readonly string[];
    };

/** The lines that report an event. */
export function describeEvent(event: RunEvent): string[] {
  switch (event.kind) {
    case "progress":
      return [event.text];
    case "ready":
      return [`ready after ${event.seconds.toFixed(1)} s: ${event.what}`];
    case "waiting":
      return [`waiting for ${event.seconds.toFixed(0)} s for: ${event.what.join(", ")}`];
    case "applied":
      return [`applied: ${event.filter} at ${event.places.join(", ")}`];
    case "refused":
      return [
        `refused: ${event.filter} at ${event.places.join(", ")}: ${event.reason}; the last good settings stay`,
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
    case "restart-needed":
      return [`restart to apply: ${event.paths.join(", ")}`];
    case "ended":
      return [
        `${event.what} ${describeExit(event.exit)}; its last lines:`,
        ...event.lastLines.map((line) => `  ${line}`),
      ];
  }
}

/** How a process ended, as part of a sentence. */
export function describeExit({ code, signal }: ChildExit): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}
