// What compose or the engine said, as an error for a person.

import { MeshwrightError } from "../../envoy/errors.js";
import { lastLines } from "../../envoy/runtime/envoy-log.js";

const DETAIL_LINES = 12;

/**
 * What compose or the engine said when no container can tell.
 * @param project of which something may be left
 */
export function composeFailure(output: string, project: string): MeshwrightError {
  const said = lastLines(output, DETAIL_LINES);
  const line =
    said.findLast((each) => /error|failed|cannot|denied/i.test(each)) ?? said.at(-1) ?? "it said nothing";
  const port = /(?:Bind for|listen tcp4?|address) ([\d.[\]:]*):(\d+)[^\n]*(?:already|in use)/i.exec(
    output,
  )?.[2];
  if (port !== undefined) {
    return new MeshwrightError(
      "port-taken",
      `port ${port} is already taken: end what uses it, or start with --port N`,
      said,
    );
  }
  if (isEngineGone(output)) {
    return engineStopped(project, said);
  }
  return new MeshwrightError("envoy-failed", `the engine does not start the mesh: ${line.trim()}`, said);
}

/** Whether docker found no engine that answers. */
export function isEngineGone(output: string): boolean {
  return /Cannot connect to the Docker daemon|error during connect/i.test(output);
}

/** Containers of an engine that was killed may run on, and nobody but the engine can end them. */
export function engineStopped(project: string, details: readonly string[] = []): MeshwrightError {
  return new MeshwrightError(
    "envoy-not-found",
    `the container engine has stopped, and the mesh with it: when it runs, start the mesh again, or remove what is left by \`docker compose -p ${project} down\``,
    details,
  );
}
