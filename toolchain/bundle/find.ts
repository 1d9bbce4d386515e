// Finds a bundle that was built, and describes it as if it were one filter.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { DESTINATION_HEADER } from "../../envoy/config/route.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { FilterDescriptor, NamedPlace } from "../../filters/descriptor.js";
import { workspaceRoot } from "../compile/source.js";
import { findMember, type Member } from "../package/member.js";

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
  if (existsSync(schema)) return bundleAt(module, schema);
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

/** What the filters of a bundle say together. Each reads its own part of the configuration. */
export function bundleDescriptor(name: string, members: readonly FilterDescriptor[]): FilterDescriptor {
  const shape = Object.fromEntries(members.map((member) => [member.name, member.schema]));
  const partOf = (config: unknown, member: FilterDescriptor) =>
    (config as Readonly<Record<string, unknown>>)[member.name];
  /** The answers of the filters that have this function. */
  const each = <T>(config: unknown, ask: (member: FilterDescriptor, part: unknown) => T | undefined): T[] =>
    members.flatMap((member) => {
      const answer = ask(member, partOf(config, member));
      return answer === undefined ? [] : [answer];
    });
  const places = (found: readonly NamedPlace[] | undefined, member: FilterDescriptor) =>
    found?.map((place) => ({ ...place, path: [member.name, ...place.path] }));
  const chainOf = (member: FilterDescriptor, part: unknown) => member.chain?.(part) ?? "downstream";
  const chooser = members.findLast((member) => member.destinations !== undefined);
  return {
    name,
    summary: `bundle of ${members.map((member) => member.name).join(", ")}`,
    schema: z.strictObject(shape).superRefine((config, context) => {
      const [first, ...others] = members;
      const other = others.find(
        (member) =>
          first !== undefined &&
          chainOf(member, partOf(config, member)) !== chainOf(first, partOf(config, first)),
      );
      if (other === undefined || first === undefined) return;
      const message = `stands in another chain than ${first.name}, and a bundle stands in one: set "where" of one of them`;
      context.addIssue({ code: "custom", path: [other.name], message });
    }) as z.ZodType<unknown>,
    metricLabels: [...new Set(members.flatMap((member) => member.metricLabels ?? []))],
    chain: (config) => each(config, chainOf)[0] ?? "downstream",
    ...(chooser === undefined
      ? {}
      : {
          destinations: (config: unknown) =>
            each(config, (member, part) => places(member.destinations?.(part), member)).flat(),
          destinationHeader: (config: unknown) =>
            chooser.destinationHeader?.(partOf(config, chooser)) ?? DESTINATION_HEADER,
        }),
    grpcServices: (config) =>
      each(config, (member, part) => places(member.grpcServices?.(part), member)).flat(),
    restartKeys: (config) =>
      Object.fromEntries(
        members.flatMap((member) =>
          Object.entries(member.restartKeys?.(partOf(config, member)) ?? {}).map(([key, value]) => [
            `${member.name}.${key}`,
            value,
          ]),
        ),
      ),
    routerHeaders: (config) => each(config, (member, part) => member.routerHeaders?.(part)).flat(),
    refusedRetryConditions: (config) =>
      Object.assign({}, ...each(config, (member, part) => member.refusedRetryConditions?.(part))),
    describe: (config) => each(config, (member, part) => member.describe?.(part)).flat(),
    tries: (config) => each(config, (member, part) => member.tries?.(part)).flat(),
  };
}
