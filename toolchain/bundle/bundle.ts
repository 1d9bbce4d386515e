// Builds bundles: several filters in one module, with one configuration that has each filter's
// configuration under its name.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { inspectModule } from "../../envoy/module/inspect.js";
import { isCatalogName } from "../../filters/catalog.js";
import { DEFAULT_SIZE_BUDGET } from "../../filters/descriptor.js";
import {
  type BuildOptions,
  type BuiltFilter,
  buildFilters,
  buildModule,
  compileChecked,
  modulePath,
  schemaFolder,
  writeSchema,
} from "../compile/build.js";
import { type Source, sourceAt, workspaceRoot } from "../compile/source.js";
import { SourceMap } from "../compile/source-map.js";
import {
  findMember,
  type Member,
  NAME,
  NAME_RULE,
  ownFilterNames,
  refuseRepeated,
} from "../package/member.js";
import { bundleDescriptor } from "./descriptor.js";
import { type BundlePart, bundlePlace, sourceOfBundle } from "./entry.js";
import { bundleComment, schemaFile } from "./find.js";

/**
 * Compiles `filters`, in the order of the chain, to the one module NAME.wasm, and writes the JSON
 * Schema of its configuration. Each filter is named as `findMember` expects it, and has its part of
 * the bundle's configuration under its name. Returns what was built: the catalog's filters
 * separately, and the bundle last. Throws `MeshwrightError("usage")` for arguments that make no
 * bundle, and `("build")` like `buildFilters`.
 */
export async function buildBundle(
  name: string,
  filters: readonly string[],
  options: BuildOptions = {},
): Promise<readonly BuiltFilter[]> {
  refuseName(name);
  const members = await Promise.all(filters.map((filter) => findMember(filter)));
  refuseMembers(name, members);
  const base = baseOf(members);
  const out = modulePath(name, options.outDir ?? path.join(base.root, "build"));
  await schemaFolder(out);
  const { sizeBudget: _, ...partOptions } = options;
  const house = members.filter((member) => !member.isOwn).map((member) => member.name);
  const built = await buildFilters(house, partOptions);
  const parts: BundlePart[] = [];
  for (const member of members) parts.push(await partOf(member, built));
  const sizeBudget = options.sizeBudget ?? DEFAULT_SIZE_BUDGET * members.length;
  const label = `${name}: ${members.map((member) => member.name).join(", ")}`;
  const source = sourceOfBundle({ name, base, parts });
  const bundle = await buildModule(source, out, { ...options, name, sizeBudget, label });
  const schema = schemaFile(out);
  await writeSchema(bundleDescriptor(name, members), schema, bundleComment(members, schema));
  return [...built, bundle];
}

function refuseName(name: string): void {
  if (isCatalogName(name) || ownFilterNames().includes(name)) refuseTaken(name);
  if (!NAME.test(name)) {
    throw new MeshwrightError("usage", `"${name}" cannot be a bundle's name: ${NAME_RULE}`);
  }
}

function refuseTaken(name: string): never {
  throw new MeshwrightError("usage", `"${name}" is taken: give the bundle a name of its own`);
}

function refuseMembers(bundle: string, members: readonly Member[]): void {
  if (members.length < 2) {
    throw new MeshwrightError(
      "usage",
      "a bundle has two filters or more: name them in the order of the chain",
    );
  }
  refuseRepeated(members, "a bundle may have each filter once");
  // Their modules would have the same name.
  if (members.some(({ name }) => name === bundle)) refuseTaken(bundle);
}

/**
 * The package in which a bundle is compiled: that of its own filters, or the current package where
 * it has none.
 */
function baseOf(members: readonly Member[]): Source {
  const [first = workspaceRoot(), second] = new Set(
    members.filter(({ isOwn }) => isOwn).map(({ entry }) => sourceAt(entry).root),
  );
  if (second === undefined) return sourceAt(bundlePlace(first));
  throw new MeshwrightError(
    "build",
    `filters of ${first} and of ${second} cannot be bundled: put them in one package`,
  );
}

async function partOf(member: Member, built: readonly BuiltFilter[]): Promise<BundlePart> {
  const { name, entry } = member;
  const callbacks = member.isOwn
    ? await ownCallbacks(member)
    : (built.find((each) => each.name === name)?.callbacks ?? []);
  const network = callbacks.find((callback) => /_(new_connection|downstream_|upstream_)/.test(callback));
  if (network !== undefined) {
    throw new MeshwrightError(
      "build",
      `${name} has ${network}: a bundle may have HTTP filters, not network filters`,
    );
  }
  return { name, entry, callbacks };
}

/**
 * An author's filter is also compiled separately, so that its mistakes are reported under its name.
 */
async function ownCallbacks({ name, entry }: Member): Promise<readonly string[]> {
  const source = sourceAt(entry);
  const { release, map } = await compileChecked(source);
  refuseOwnCallbacks(name, source, new SourceMap(map));
  return inspectModule(release).callbacks;
}

/**
 * A bundle exports the callbacks of the SDK's `exports`, which call its filters. Any other callback
 * would be lost.
 */
function refuseOwnCallbacks(name: string, { sdk }: Source, map: SourceMap): void {
  const others = map
    .find(/^export function proxy_(on_|validate_)/)
    .filter(({ source }) => !source.startsWith(`${sdk}exports/`));
  if (others.length === 0) return;
  throw new MeshwrightError(
    "build",
    `${name} cannot be bundled: a bundle can only have the callbacks of ${sdk}exports`,
    others.map(({ source, line }) => `${source}:${line}: ${map.textAt({ source, line, column: 0 })}`),
  );
}
