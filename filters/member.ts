// Which filter is meant: one of the catalog by its name, or an author's own by its place.

import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { MeshwrightError } from "../envoy/errors.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { FILTERS, type FilterRoom, findFilter } from "./catalog.js";

/** A filter that can be built. */
export interface Member extends FilterRoom {
  /** Its entry file, an absolute path. */
  readonly entry: string;
  /** Whether it is an author's own, and not of the catalog. */
  readonly isOwn: boolean;
}

/** Names of modules and keys of configurations. */
export const NAME = /^[a-z][a-z0-9-]{0,63}$/;
export const NAME_RULE = 'use up to 64 lower-case letters, digits and "-", a letter first';

/** What a filter without a schema may be given. */
const ANYTHING = z.union([
  z.record(z.string(), z.unknown()),
  z.array(z.unknown()),
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
]);

/**
 * The filter that `text` names: one of the catalog, or the path of an author's own below this package, an entry file or a folder with an
 * `index.ts`, whose name is then the filter's. Throws `MeshwrightError("build")` where there is none.
 */
export async function findMember(text: string): Promise<Member> {
  if (!text.includes("/") && !text.endsWith(".ts")) return catalogMember(findFilter(text));
  const entry = await entryAt(path.resolve(text));
  const fromCatalog = FILTERS.map(catalogMember).find((member) => member.entry === entry);
  if (fromCatalog !== undefined) return fromCatalog;
  const isIndex = path.basename(entry) === "index.ts";
  const name = isIndex ? path.basename(path.dirname(entry)) : path.basename(entry, ".ts");
  if (!NAME.test(name)) {
    throw new MeshwrightError("build", `"${name}" cannot be a filter's name: ${NAME_RULE}`);
  }
  const schema = await ownSchema(path.dirname(entry));
  return { name, entry, schema, summary: path.relative(PACKAGE_ROOT, entry), isOwn: true };
}

function catalogMember(room: FilterRoom): Member {
  return { ...room, entry: path.join(PACKAGE_ROOT, "filters", room.name, "index.ts"), isOwn: false };
}

/** Throws `MeshwrightError("usage")` where two of them have one name. */
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
  if (path.relative(PACKAGE_ROOT, entry).startsWith("..")) {
    throw new MeshwrightError("build", `${entry} is outside of ${PACKAGE_ROOT}: put the filter below it`);
  }
  return entry;
}

/** What the `schema.ts` beside an author's filter exports under a name that ends in `Schema`; without one, anything is right. */
async function ownSchema(folder: string): Promise<z.ZodType> {
  const file = path.join(folder, "schema.ts");
  if (!existsSync(file)) return ANYTHING;
  const exported = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  const found = Object.entries(exported).find(
    ([key, value]) => key.endsWith("Schema") && value instanceof z.ZodType,
  );
  if (found !== undefined) return found[1] as z.ZodType;
  throw new MeshwrightError("build", `${file} exports no zod schema under a name that ends in Schema`);
}
