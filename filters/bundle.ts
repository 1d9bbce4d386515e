// Builds bundles: several filters in one module, with one configuration that has each filter's own under its name.

import { existsSync } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { MeshwrightError } from "../envoy/errors.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import {
  type BuildOptions,
  type BuiltFilter,
  buildFilters,
  compileModule,
  describeModule,
  modulePath,
  writeSchema,
} from "./build.js";
import { type BundlePart, compileBundle } from "./bundle-entry.js";
import { DEFAULT_SIZE_BUDGET, FILTERS, findFilter } from "./catalog.js";

/** A filter that shall be part of a bundle. */
interface Member {
  readonly name: string;
  /** Its entry file, an absolute path. */
  readonly entry: string;
  readonly schema: z.ZodType;
  readonly isOwn: boolean;
}

/** Names of modules and keys of configurations. */
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
/** What a filter without a schema may be given. */
const ANYTHING = z.union([
  z.record(z.string(), z.unknown()),
  z.array(z.unknown()),
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
]);
const TAKEN_NAMES: readonly string[] = FILTERS.map((filter) => filter.name);

/**
 * Compiles `filters`, in the order of the chain, to the one module NAME.wasm, and writes the JSON Schema of its configuration. Each is the name of
 * a filter of the catalog, or the path of an author's own below this package: an entry file, or a folder with an `index.ts`, by whose
 * name the bundle's configuration has its part. Returns what was built: the catalog's filters by themselves, and last the bundle. Throws
 * `MeshwrightError("usage")` for words that make no bundle and `("build")` as `buildFilters` does.
 */
export async function buildBundle(
  name: string,
  filters: readonly string[],
  options: BuildOptions = {},
): Promise<readonly BuiltFilter[]> {
  refuseName(name);
  const members = await Promise.all(filters.map(findMember));
  refuseMembers(members);
  const out = modulePath(name, options.outDir);
  await mkdir(path.join(path.dirname(out), "schemas"), { recursive: true });
  const { sizeBudget: _, ...partOptions } = options;
  const house = members.filter((member) => !member.isOwn).map((member) => member.name);
  const built = await buildFilters(house, partOptions);
  const parts: BundlePart[] = [];
  for (const member of members) parts.push(await partOf(member, built, out));
  const started = performance.now();
  options.onProgress?.(`compiling ${name}: ${members.map((member) => member.name).join(", ")} …`);
  const sizeBudget = options.sizeBudget ?? DEFAULT_SIZE_BUDGET * members.length;
  await compileBundle(name, parts, out, { debug: true, sizeBudget });
  options.onProgress?.(`compiled ${name}`);
  await writeSchema(
    schemaOf(name, members),
    path.join(path.dirname(out), "schemas", `${name}.bundle.schema.json`),
  );
  const seconds = (performance.now() - started) / 1000;
  return [...built, { ...(await describeModule(name, out)), seconds, upToDate: false }];
}

function refuseName(name: string): void {
  if (TAKEN_NAMES.includes(name)) {
    throw new MeshwrightError("usage", `"${name}" is taken: give the bundle a name of its own`);
  }
  if (!NAME.test(name)) {
    throw new MeshwrightError(
      "usage",
      `"${name}" cannot be a bundle's name: use up to 64 lower-case letters, digits and "-", a letter first`,
    );
  }
}

function refuseMembers(members: readonly Member[]): void {
  if (members.length < 2) {
    throw new MeshwrightError(
      "usage",
      "a bundle is of two filters or more: name them in the order of the chain",
    );
  }
  const names = members.map((member) => member.name);
  const repeated = names.find((each, i) => names.indexOf(each) !== i);
  if (repeated === undefined) return;
  throw new MeshwrightError("usage", `"${repeated}" is named twice: a bundle has each filter once`);
}

async function findMember(text: string): Promise<Member> {
  if (!text.includes("/") && !text.endsWith(".ts")) {
    const room = findFilter(text);
    const entry = path.join(PACKAGE_ROOT, "filters", room.name, "index.ts");
    return { name: room.name, entry, schema: room.schema, isOwn: false };
  }
  const place = path.resolve(text);
  const isFolder = await stat(place).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  const entry = isFolder ? path.join(place, "index.ts") : place;
  if (!existsSync(entry)) throw new MeshwrightError("build", `there is no filter at ${entry}`);
  if (path.relative(PACKAGE_ROOT, entry).startsWith("..")) {
    throw new MeshwrightError("build", `${entry} is outside of ${PACKAGE_ROOT}: put the filter below it`);
  }
  const isIndex = path.basename(entry) === "index.ts";
  const name = isIndex ? path.basename(path.dirname(entry)) : path.basename(entry, ".ts");
  if (!NAME.test(name)) {
    throw new MeshwrightError(
      "build",
      `"${name}" cannot be a filter's name: use up to 64 lower-case letters, digits and "-", a letter first`,
    );
  }
  return { name, entry, schema: await ownSchema(path.dirname(entry)), isOwn: true };
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

async function partOf(member: Member, built: readonly BuiltFilter[], out: string): Promise<BundlePart> {
  const { name, entry } = member;
  const callbacks =
    built.find((each) => !member.isOwn && each.name === name)?.callbacks ?? (await ownCallbacks(member, out));
  const network = callbacks.find((callback) => /_(new_connection|downstream_|upstream_)/.test(callback));
  if (network !== undefined) {
    throw new MeshwrightError(
      "build",
      `${name} has ${network}: a bundle is of HTTP filters, not of network filters`,
    );
  }
  return { name, entry, callbacks };
}

/** Compiled by itself too, an author's filter shows its own mistakes as its own. */
async function ownCallbacks({ name, entry }: Member, out: string): Promise<readonly string[]> {
  const file = path.join(path.dirname(out), `.${name}.${process.pid}.wasm`);
  try {
    await compileModule(path.relative(PACKAGE_ROOT, entry), file);
    return (await describeModule(name, file)).callbacks;
  } finally {
    await rm(file, { force: true });
  }
}

/** The bundle's configuration: an object with that of every filter. */
function schemaOf(name: string, members: readonly Member[]) {
  const schema = z.strictObject(Object.fromEntries(members.map((member) => [member.name, member.schema])));
  return { name, summary: `bundle of ${members.map((member) => member.name).join(", ")}`, schema };
}
