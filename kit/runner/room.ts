// Which filters are tested, and which files test them.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { type Source, sourceAt, workspaceRoot } from "../../toolchain/compile/source.js";
import { buildableNames, findMember } from "../../toolchain/package/member.js";

const SPEC = ".spec.ts";
const INTEGRATION = path.join(PACKAGE_ROOT, "test/integration");

/** The filters of one package. Its own tools test them. */
export interface Rooms {
  /** The package, as an absolute path. */
  readonly root: string;
  readonly rooms: readonly Room[];
}

/** A filter's folder and its tests, as absolute paths. */
export interface Room {
  readonly name: string;
  readonly folder: string;
  readonly entry: string;
  readonly source: Source;
  /** AssemblyScript units. */
  readonly specs: readonly string[];
  /** The suites that vitest runs. */
  readonly suites: readonly Suite[];
}

export interface Suite {
  readonly file: string;
  readonly kind: SuiteKind;
}

/** What a suite needs: nothing, the minutes of the conformance suite, or stock Envoy. */
export type SuiteKind = "host" | "conformance" | "envoy";

/**
 * The rooms of the named filters, or of every filter of the current package. For an author's
 * package those are the filters below `filters/`; for meshwright itself they include the catalog's.
 * Throws `MeshwrightError`: `build` for a filter that does not exist, `usage` when there is none at
 * all or when they belong to several packages.
 */
export async function findRooms(names: readonly string[]): Promise<Rooms> {
  const wanted = names.length === 0 ? buildableNames() : names;
  const named = await Promise.all(wanted.map(roomOf));
  const rooms = named.filter((room, i) => named.findIndex(({ entry }) => entry === room.entry) === i);
  const [one, other] = [...new Set(rooms.map(({ source }) => source.root))];
  if (other !== undefined) {
    throw new MeshwrightError(
      "usage",
      `the filters belong to two packages, ${one} and ${other}: test one package at a time`,
    );
  }
  return { root: one ?? workspaceRoot(), rooms };
}

async function roomOf(name: string): Promise<Room> {
  const member = await findMember(name);
  const folder = path.dirname(member.entry);
  const source = sourceAt(member.entry);
  const suites = await filesIn(folder, ".test.ts");
  // Meshwright itself keeps the tests in stock Envoy in one place.
  if (source.root === PACKAGE_ROOT) {
    suites.push(...(await filesIn(path.join(INTEGRATION, member.name), ".test.ts")));
  }
  return {
    name: member.name,
    folder,
    entry: member.entry,
    source,
    specs: await specsIn(folder),
    suites: await Promise.all(suites.map(async (file) => ({ file, kind: await kindOf(file) }))),
  };
}

/** The units in a filter's folder. */
export function specsIn(folder: string): Promise<string[]> {
  return filesIn(folder, SPEC);
}

/** Whether the file is one of the filter's units, or would be if it existed. */
export function isSpecOf({ folder }: Room, file: string): boolean {
  return isBelow(folder, file) && file.endsWith(SPEC);
}

/** Whether the file is one of the filter's suites. */
export function isSuiteOf({ folder, suites }: Room, file: string): boolean {
  return isBelow(folder, file) || suites.some((suite) => suite.file === file);
}

/** The kind of the suite in that file, an absolute path. */
export async function kindOf(file: string): Promise<SuiteKind> {
  if (/(^|\.)envoy\.test\.ts$/.test(path.basename(file)) || isBelow(INTEGRATION, file)) return "envoy";
  const text = await readFile(file, "utf8").catch(() => "");
  return /\bdescribeFilter\(/.test(text) ? "conformance" : "host";
}

async function filesIn(folder: string, end: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Whether the file is in the folder or deeper. */
export function isBelow(folder: string, file: string): boolean {
  return file.startsWith(folder + path.sep);
}
