// Reports failures: one line that says what to do, and an exit code by which scripts can
// distinguish them.

import { CommanderError } from "commander";
import { type ErrorCode, MeshwrightError } from "../envoy/errors.js";
import { Interrupted } from "./interrupt.js";

/** The exit code of each kind of failure; 0 is success. */
export const EXIT_CODES = {
  configuration: 1,
  usage: 2,
  build: 3,
  "envoy-not-found": 4,
  "envoy-failed": 5,
  "service-failed": 6,
  "port-taken": 7,
  "already-running": 8,
  "module-refused": 9,
  "tool-missing": 10,
  "write-failed": 11,
  "registry-failed": 12,
} as const satisfies Record<ErrorCode, number>;

/** An error that we did not foresee. */
export const UNEXPECTED_EXIT_CODE = 70;
/** What was compared is not the same. */
export const DIFFERENT_EXIT_CODE = 13;
/** Ctrl-C while a command still starts. Shells use this code for SIGINT. */
export const INTERRUPTED_EXIT_CODE = 130;

const OTHER_CODES: Readonly<Record<string, number>> = {
  interrupted: INTERRUPTED_EXIT_CODE,
  different: DIFFERENT_EXIT_CODE,
};

const MEANINGS: Readonly<Record<number, string>> = {
  [EXIT_CODES.configuration]: "a configuration is refused",
  [EXIT_CODES.usage]: "the command line is wrong",
  [EXIT_CODES.build]: "a filter cannot be built, or no filter has that name",
  [EXIT_CODES["envoy-not-found"]]: "no stock Envoy was found or fetched",
  [EXIT_CODES["envoy-failed"]]: "Envoy ended or was not ready in time",
  [EXIT_CODES["service-failed"]]: "a service ended or was not ready in time",
  [EXIT_CODES["port-taken"]]: "a port is taken",
  [EXIT_CODES["already-running"]]: "the same mesh already runs in this folder",
  [EXIT_CODES["module-refused"]]: "stock Envoy would refuse a module",
  [EXIT_CODES["tool-missing"]]: "a tool that the command needs is not installed",
  [EXIT_CODES["write-failed"]]: "a file for Envoy cannot be written",
  [EXIT_CODES["registry-failed"]]: "a registry refuses, fails or cannot be reached",
  [DIFFERENT_EXIT_CODE]: "what was compared is not the same",
  [INTERRUPTED_EXIT_CODE]: "interrupted before it was done",
};

/**
 * Thrown by a command that has reported the failure itself: nothing more is printed, and this is
 * the exit code.
 */
export class ToldFailure extends Error {
  constructor(readonly exitCode: number) {
    super(`failed with exit code ${exitCode}`);
  }
}

/**
 * The part of a help page that lists a command's exit codes. `own` has meanings of codes that
 * differ from those of other commands.
 */
export function exitCodesHelp(
  success: string,
  kinds: readonly (ErrorCode | "interrupted" | "different")[],
  own: Readonly<Record<number, string>> = {},
): string {
  const codes = kinds.map((kind) => OTHER_CODES[kind] ?? EXIT_CODES[kind as ErrorCode]);
  const lines = [...Object.keys(own).map(Number), ...codes]
    .sort((a, b) => a - b)
    .map((code) => `  ${String(code).padEnd(4)}${own[code] ?? MEANINGS[code]}`);
  return ["\nExit codes:", `  0   ${success}`, ...lines].join("\n");
}

/** What to print, and the exit code. */
export interface Failure {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Describes anything that a command threw. `debug` adds the stack of an unexpected error. */
export function describeFailure(error: unknown, debug: boolean): Failure {
  if (error instanceof MeshwrightError) {
    return {
      lines: [`meshwright: ${error.message}`, ...error.details.map((line) => `  ${line}`)],
      exitCode: EXIT_CODES[error.code],
    };
  }
  if (error instanceof Interrupted) {
    return { lines: [`meshwright: ${error.message}`], exitCode: INTERRUPTED_EXIT_CODE };
  }
  if (error instanceof ToldFailure) return { lines: [], exitCode: error.exitCode };
  if (error instanceof CommanderError) return describeCommander(error);
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? "").split("\n").slice(1) : [];
  return {
    lines: [
      `meshwright: unexpected error: ${text.split("\n")[0]}`,
      ...(debug ? stack : ["  Set MESHWRIGHT_DEBUG=1 to see where it came from."]),
    ],
    exitCode: UNEXPECTED_EXIT_CODE,
  };
}

function describeCommander(error: CommanderError): Failure {
  if (error.exitCode === 0) return { lines: [], exitCode: 0 };
  // The help page itself was the output.
  if (error.code === "commander.help") return { lines: [], exitCode: EXIT_CODES.usage };
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const reason = first.replace(/\.$/, "");
  const hint = rest.map((line) => ` ${line.replace("(Did", "(did")}`).join("");
  return { lines: [`meshwright: ${reason}${hint}; see --help`], exitCode: EXIT_CODES.usage };
}
