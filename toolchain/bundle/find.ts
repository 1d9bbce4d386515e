// Finds a bundle that was built, and describes it as if it were one filter.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { workspaceRoot } from "../compile/source.js";
import { findMember, type Member, ownFilterNames } from "../package/member.js";
import { bundleDescriptor } from "./descriptor.js";

/** A filter, or a bundle of filters. */
export interface RunnableFilter extends Member {
  /** A bundle's filters, each as `findMember` expects it. `entry` is then the bundle's module. */
  readonly parts?: readonly string[];
}

const SCHEMA_END = ".bundle.schema.json";
/** How a bundle's schema file says what the bundle is made of. */
const MARK = "meshwright bundle of ";

/**
 * The filter that `text` names, like `findMember`, or the bundle: by its name, where `meshwright
 * build --bundle` of this package has written it to `build/`, or by its module's path, which ends
 * in `.wasm`. Throws like `findMember`.
 */
export async function findRunnable(text: string): Promise<RunnableFilter> {
  const module = text.endsWith(".wasm") ? path.resolve(text) : path.join(buildFolder(), `${text}.wasm`);
  const schema = schemaFile(module);
  // A filter that got the name later has written over the bundle's module.
  if (existsSync(schema) && !ownFilterNames().includes(text)) return bundleAt(module, schema);
  if (!text.endsWith(".wasm")) return findMember(text, bundleNames());
  throw new MeshwrightError(
    "build",
    `there is no bundle at ${module}: make it with \`meshwright build --bundle NAME FILTER FILTER …\``,
  );
}

/** The names of the bundles in `build/` of the current package. */
export function bundleNames(): readonly string[] {
  const folder = path.join(buildFolder(), "schemas");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(SCHEMA_END))
    .map((file) => path.basename(file, SCHEMA_END))
    .filter((name) => !ownFilterNames().includes(name))
    .sort();
}

/** The file of the JSON Schema of a bundle's configuration. */
export function schemaFile(module: string): string {
  return path.join(path.dirname(module), "schemas", `${path.basename(module, ".wasm")}${SCHEMA_END}`);
}

/** The comment in a bundle's schema file by which the bundle is found again. */
export function bundleComment(members: readonly Member[], schema: string): string {
  const parts = members.map(({ name, entry, isOwn }) =>
    isOwn ? path.relative(path.dirname(schema), entry) : name,
  );
  return `${MARK}${JSON.stringify(parts)}`;
}

function buildFolder(): string {
  return path.join(workspaceRoot(), "build");
}

async function bundleAt(module: string, schema: string): Promise<RunnableFilter> {
  const parts = partsIn(schema);
  const members = await Promise.all(parts.map((part) => findMember(part)));
  const name = path.basename(module, ".wasm");
  return { ...bundleDescriptor(name, members), name, entry: module, isOwn: true, parts };
}

function partsIn(schema: string): readonly string[] {
  try {
    const { $comment = "" } = JSON.parse(readFileSync(schema, "utf8")) as { readonly $comment?: string };
    const parts = z
      .array(z.string())
      .min(1)
      .parse(JSON.parse($comment.slice(MARK.length)));
    const isPath = (part: string) => part.includes("/") || part.endsWith(".ts");
    return parts.map((part) => (isPath(part) ? path.resolve(path.dirname(schema), part) : part));
  } catch {
    throw new MeshwrightError("build", `${schema} does not say what the bundle is made of: build it again`);
  }
}
