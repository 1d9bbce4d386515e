// Finds the filter that a name or a path means: one of the catalog, or an author's own.

import { existsSync, readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { FILTERS, findFilter, isCatalogName, unknownFilter } from "../../filters/catalog.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { sourceAt, workspaceRoot } from "../compile/source.js";
import { ownDescriptor } from "./own-descriptor.js";

/** The place of a filter. */
export interface FilterPlace {
  readonly name: string;
  /** Its entry file, an absolute path. */
  readonly entry: string;
  /** True for an author's own filter, false for one of the catalog. */
  readonly isOwn: boolean;
}

/** A filter that can be built. */
export interface Member extends FilterDescriptor, FilterPlace {}

/** Filters' names become names of modules and keys of configurations. */
export const NAME = /^[a-z][a-z0-9-]{0,63}$/;
export const NAME_RULE = 'use up to 64 lower-case letters, digits and "-", a letter first';

/**
 * The filter that `text` names: one of the catalog; one in `filters/NAME` of the current package;
 * or one by its path, to an entry file or to a folder with an `index.ts`, whose name is then the
 * filter's. Throws `MeshwrightError("build")` where there is none, or like `ownDescriptor`, and
 * `("usage")` where an author's filter has the name of one of the catalog.
 * @param others what else could have been named; the error for an unknown name lists it too
 */
export async function findMember(text: string, others: readonly string[] = []): Promise<Member> {
  const place = await findPlace(text, others);
  if (!place.isOwn) return { ...findFilter(place.name), ...place };
  const summary = path.relative(sourceAt(place.entry).root, place.entry);
  return { ...(await ownDescriptor(place.name, place.entry, summary)), ...place };
}

/** Like `findMember`, without the filter's descriptor, which takes longest to read. */
export async function findPlace(text: string, others: readonly string[] = []): Promise<FilterPlace> {
  if (!text.includes("/") && !text.endsWith(".ts")) return placeByName(text, others);
  const entry = await entryAt(path.resolve(text));
  return FILTERS.map(catalogPlace).find((place) => place.entry === entry) ?? ownPlace(entry);
}

/** The names of the filters in `filters/` of the current package that are not in the catalog. */
export function ownFilterNames(root = workspaceRoot()): readonly string[] {
  const folder = path.join(root, "filters");
  if (!existsSync(folder)) return [];
  return (
    readdirSync(folder)
      // Hidden folders are not filters: they belong to an editor, or to a room that is still being
      // written.
      .filter((name) => !name.startsWith(".") && existsSync(entryOf(root, name)))
      .filter((name) => catalogEntry(name) !== entryOf(root, name))
      .sort()
  );
}

/**
 * The names of all filters that the current package can build: its own, and in a checkout of
 * meshwright the catalog's. Throws `MeshwrightError("usage")` where there are none.
 */
export function buildableNames(): readonly string[] {
  const root = workspaceRoot();
  const names = [...(root === PACKAGE_ROOT ? FILTERS.map(({ name }) => name) : []), ...ownFilterNames(root)];
  if (names.length > 0) return names;
  throw new MeshwrightError(
    "usage",
    `there are no filters in ${path.join(root, "filters")}: make one with \`meshwright new NAME\`, or change to the package that has yours`,
  );
}

function placeByName(name: string, others: readonly string[]): FilterPlace {
  const own = entryOf(workspaceRoot(), name);
  if (!isCatalogName(name)) {
    if (existsSync(own)) return ownPlace(own);
    throw unknownFilter(name, [...ownFilterNames(), ...others]);
  }
  if (own !== catalogEntry(name) && existsSync(own)) throw taken(name);
  return catalogPlace({ name });
}

function ownPlace(entry: string): FilterPlace {
  const isIndex = path.basename(entry) === "index.ts";
  const name = isIndex ? path.basename(path.dirname(entry)) : path.basename(entry, ".ts");
  if (!NAME.test(name)) {
    throw new MeshwrightError("build", `"${name}" cannot be a filter's name: ${NAME_RULE}`);
  }
  if (isCatalogName(name)) throw taken(name);
  return { name, entry, isOwn: true };
}

function taken(name: string): MeshwrightError {
  return new MeshwrightError("usage", `"${name}" is taken: give the filter's folder another name`);
}

function entryOf(root: string, name: string): string {
  return path.join(root, "filters", name, "index.ts");
}

function catalogEntry(name: string): string | undefined {
  return isCatalogName(name) ? entryOf(PACKAGE_ROOT, name) : undefined;
}

function catalogPlace({ name }: Pick<FilterDescriptor, "name">): FilterPlace {
  return { name, entry: entryOf(PACKAGE_ROOT, name), isOwn: false };
}

/** Throws `MeshwrightError("usage")` where two of them have the same name. */
export function refuseRepeated(members: readonly Member[], why: string): void {
  const names = members.map((member) => member.name);
  const repeated = names.find((each, i) => names.indexOf(each) !== i);
  if (repeated !== undefined) throw new MeshwrightError("usage", `"${repeated}" is named twice: ${why}`);
}

async function entryAt(place: string): Promise<string> {
  const isFolder = await stat(place).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  const entry = isFolder ? path.join(place, "index.ts") : place;
  if (!existsSync(entry)) throw new MeshwrightError("build", `there is no filter at ${entry}`);
  return entry;
}
