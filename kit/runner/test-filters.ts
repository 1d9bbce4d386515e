// Tests filters once: builds them, then runs their units, then their suites.

import path from "node:path";
import { toItsEnd } from "../../compose/to-its-end.js";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import { findAspect, findVitest } from "./author-tools.js";
import { addCounts, type Counts } from "./counts.js";
import { isBelow, type Room, type Rooms, type Suite } from "./room.js";
import { runSuites, type SuiteFiles } from "./suites.js";
import { runUnits } from "./units.js";

export interface TestOptions {
  /** Whether to run the tests that need stock Envoy too. */
  readonly envoy: boolean;
  /** Whether the output goes to a terminal. */
  readonly interactive: boolean;
  /** Called with lines for a person. */
  readonly onLine: (line: string) => void;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

/**
 * Throws `MeshwrightError`: `build` for a filter that cannot be built, `tool-missing` when the
 * package has no vitest or as-pect; the reason of `signal` when aborted.
 */
export async function testFilters({ root, rooms }: Rooms, options: TestOptions): Promise<Counts> {
  const { envoy, interactive, onLine, signal } = options;
  for (const note of roomNotes(rooms)) onLine(note);
  checkTools({ root, rooms });
  const specs = rooms.flatMap((room) => room.specs);
  const entries = rooms.map(({ entry }) => entry);
  await toItsEnd(buildFilters(entries, { onProgress: onLine }), signal);
  const aborting = signal === undefined ? {} : { signal };
  const units = await runUnits(specs, { root, onLine, ...aborting });
  signal?.throwIfAborted();
  if (suitesOf(rooms, envoy).length === 0) return units;
  if (envoy) await fetchEnvoy(onLine);
  const files = suiteFiles({ root, rooms }, envoy);
  return addCounts(
    units,
    await runSuites({ root, files, interactive, env: suiteEnvironment(envoy), ...aborting }),
  );
}

/**
 * Fetches Envoy before the tests, which show nothing while they wait. When no Envoy is available,
 * the tests may use a container.
 */
export async function fetchEnvoy(onLine: (line: string) => void): Promise<void> {
  await findEnvoy({ onProgress: onLine }).catch(() => {});
}

/** The environment in which the conformance suite uses stock Envoy too. */
export function suiteEnvironment(envoy: boolean): Readonly<Record<string, string>> {
  return envoy ? { MESHWRIGHT_TEST_ENVOY: "1" } : {};
}

/**
 * Checks the tools at once, before anything that takes long. Throws
 * `MeshwrightError("tool-missing")`.
 */
export function checkTools({ root, rooms }: Rooms): void {
  if (rooms.some(({ specs }) => specs.length > 0)) findAspect(root);
  if (rooms.some(({ suites }) => suites.length > 0)) findVitest(root);
}

/** The files that vitest runs, including files that do not exist yet. */
export function suiteFiles({ root, rooms }: Rooms, envoy: boolean): SuiteFiles {
  const below = (file: string) => path.relative(root, file);
  const outside = suitesOf(rooms, envoy).filter(
    ({ file }) => !rooms.some(({ folder }) => isBelow(folder, file)),
  );
  return {
    include: [
      ...rooms.map(({ folder }) => path.join(below(folder), "**/*.test.ts")),
      ...outside.map(({ file }) => below(file)),
    ],
    exclude: ["**/node_modules/**", ...(envoy ? [] : ["**/envoy.test.ts", "**/*.envoy.test.ts"])],
  };
}

function suitesOf(rooms: readonly Room[], envoy: boolean): readonly Suite[] {
  return rooms.flatMap(({ suites }) => suites.filter(({ kind }) => envoy || kind !== "envoy"));
}

/** What a person should know about the rooms before they are tested. */
export function roomNotes(rooms: readonly Room[]): readonly string[] {
  return rooms.flatMap(({ name, specs, suites }) => {
    if (specs.length + suites.length === 0) return [`note: ${name} has no tests`];
    const conforms = suites.some(({ kind }) => kind === "conformance");
    return conforms
      ? []
      : [`note: ${name} has no conformance test: add one that calls describeFilter("${name}", …)`];
  });
}
