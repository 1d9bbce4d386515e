// Which filters are tested, and which files test them.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { type Source, sourceAt, workspaceRoot } from "../../toolchain/compile/source.js";
import { buildableNames, findMember } from "../../toolchain/package/member.js";

const SPEC = ".spec.ts";
const INTEGRATION = path.join(PACKAGE_ROOT, "test/integration");

/** The filters of one package; its tools test them. */
export interface Rooms {
  /** The package, an absolute path. */
  readonly root: string;
  readonly rooms: readonly Room[];
}

/** A filter's folder and its tests; paths are absolute. */
export interface Room {
  readonly name: string;
  readonly folder: string;
  readonly entry: string;
  readonly source: Source;
  /** AssemblyScript units. */
  readonly specs: readonly string[];
  /** What vitest runs. */
  readonly suites: readonly Suite[];
}

export interface Suite {
  readonly file: string;
  readonly kind: SuiteKind;
}

/** What a suite needs or takes: nothing, the minutes of the conformance suite, or stock Envoy. */
export type SuiteKind = "host" | "conformance" | "envoy";

/**
 * The rooms of the filters that are named, or of every filter of the package that is worked in: of
 * an author's package those below `filters/`, of meshwright itself the catalog's too. Throws
 * `MeshwrightError`: `build` for a filter that there is not, `usage` where there is none at all or
 * where they are of several packages.
 */
export async function findRooms(names: readonly string[]): Promise<Rooms> {
  const wanted = names.length === 0 ? buildableNames() : names;
  const named = await Promise.all(wanted.map(roomOf));
  const rooms = named.filter((room, i) => named.findIndex(({ entry }) => entry === room.entry) === i);
  const [one, other] = [...new Set(rooms.map(({ source }) => source.root))];
  if (other !== undefined) {
    throw new MeshwrightError(
      "usage",
      `the filters are of two packages, ${one} and ${other}: test those of one at a time`,
    );
  }
  return { root: one ?? workspaceRoot(), rooms };
}

async function roomOf(name: string): Promise<Room> {
  const member = await findMember(name);
  const folder = path.dirname(member.entry);
  const source = sourceAt(member.entry);
  const suites = await filesIn(folder, ".test.ts");
  // In meshwright itself, what shows a filter in stock Envoy stands together.
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

/** Whether the file is one of the filter's units, or would be if it were there. */
export function isSpecOf({ folder }: Room, file: string): boolean {
  return isBelow(folder, file) && file.endsWith(SPEC);
}

/** Whether the file is one of the filter's suites. */
export function isSuiteOf({ folder, suites }: Room, file: string): boolean {
  return isBelow(folder, file) || suites.some((suite) => suite.file === file);
}

/** What a suite of that file, an absolute path, is. */
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

/** Whether the file is in the folder, or deeper. */
export function isBelow(folder: string, file: string): boolean {
  return file.startsWith(folder + path.sep);
}
