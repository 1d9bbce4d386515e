// The entry file that makes one module of several filters, and its compilation.

import { rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { callbacksFrom, PLUGIN } from "../check/silent-methods.js";
import { type CompileOptions, compileModule } from "../compile/build.js";
import { nearestPackage, type Source } from "../compile/source.js";
import { sweep } from "../compile/sweep.js";

/** A filter of a bundle. */
export interface BundlePart {
  /** The key of its configuration. */
  readonly name: string;
  /** Its entry file. */
  readonly entry: string;
  /** The callbacks that its own module exports, by their ABI names. */
  readonly callbacks: readonly string[];
}

/** A bundle to compile. */
export interface Bundle {
  readonly name: string;
  /** The package that it is compiled in. */
  readonly base: Source;
  /** In the order of the chain. */
  readonly parts: readonly BundlePart[];
}

/** From a stream's callback to its name in `assembly/bundle/plan.ts`. */
const STREAM_CALLBACKS: Readonly<Record<string, string>> = {
  proxy_on_request_headers: "RequestHeaders",
  proxy_on_request_body: "RequestBody",
  proxy_on_request_trailers: "RequestTrailers",
  proxy_on_response_headers: "ResponseHeaders",
  proxy_on_response_body: "ResponseBody",
  proxy_on_response_trailers: "ResponseTrailers",
  proxy_on_done: "Done",
  proxy_on_log: "Log",
};

/**
 * The bundle itself reads a configuration, keeps a context for each stream, and lets some go on
 * only at a tick.
 */
const ALWAYS: readonly string[] = [
  "proxy_on_configure",
  "proxy_on_context_create",
  "proxy_on_delete",
  "proxy_on_tick",
];

/**
 * The text of a bundle's entry file.
 * @param folder where the file will stand, for its imports
 */
export function bundleSource({ name, base, parts }: Bundle, folder: string): string {
  const sdk = (file: string) => {
    const place = path.join(base.sdkRoot, "assembly", file);
    return JSON.stringify(base.sdk === "assembly/" ? relativeImport(folder, place) : `${base.sdk}${file}`);
  };
  const union = [...new Set([...ALWAYS, ...parts.flatMap((part) => part.callbacks)])].sort();
  const plugin = union.filter((callback) => callbacksFrom(PLUGIN).includes(callback));
  const calls = union.filter((callback) => /^proxy_on_(http_call|grpc)_/.test(callback));
  const stream = union.filter((callback) => !plugin.includes(callback) && !calls.includes(callback));
  const exported = (callbacks: readonly string[], file: string) =>
    callbacks.length === 0 ? [] : [`export { ${callbacks.join(", ")} } from ${sdk(`exports/${file}`)};`];
  return [
    ...importsOf(
      base,
      parts.map((part) => part.entry),
      folder,
    ),
    `import { Callback, registerBundle } from ${sdk("bundle/index")};`,
    ...exported(["malloc", "proxy_abi_version_0_2_1", ...plugin], "plugin"),
    ...exported(stream, "stream"),
    ...exported(calls, "calls"),
    `registerBundle(${JSON.stringify(name)}, ${JSON.stringify(parts.map((part) => part.name))}, [`,
    ...parts.map((part) => `  ${callbackBits(part)},`),
    "]);",
    "",
  ].join("\n");
}

/** The lines that bring the filters in, in their order. */
function importsOf(base: Source, entries: readonly string[], folder: string): readonly string[] {
  return entries.map((entry) => `import ${JSON.stringify(importPath(base, folder, entry))};`);
}

/**
 * Whether a source, by its path below the package and its text, is the entry file of that bundle of
 * those filters.
 */
export function isBundleOf(
  { name, base, entries }: Pick<Bundle, "name" | "base"> & { readonly entries: readonly string[] },
  source: string,
  text: string,
): boolean {
  const folder = path.dirname(path.join(base.root, source));
  if (!path.basename(folder).startsWith(`.bundle-${name}.`)) return false;
  const lines = text.split("\n").filter((line) => line.startsWith('import "'));
  return lines.join("\n") === importsOf(base, entries, folder).join("\n");
}

function callbackBits(part: BundlePart): string {
  const names = part.callbacks.flatMap((callback) => STREAM_CALLBACKS[callback] ?? []);
  return names.length === 0 ? "0" : names.map((name) => `Callback.${name}`).join(" | ");
}

/**
 * In an author's package a filter of the catalog is imported as the SDK is, so that it comes to the
 * same copy of it.
 */
function importPath({ root }: Source, folder: string, entry: string): string {
  if (nearestPackage(path.dirname(entry)) === root) return relativeImport(folder, entry);
  return `meshwright/${path.relative(PACKAGE_ROOT, entry).split(path.sep).join("/")}`.replace(/\.ts$/, "");
}

function relativeImport(folder: string, file: string): string {
  const relative = path.relative(folder, file).split(path.sep).join("/");
  return (relative.startsWith(".") ? relative : `./${relative}`).replace(/\.ts$/, "");
}

/**
 * A file in the folder where a package's bundles have their entry files while they are compiled.
 */
export function bundlePlace(root: string): string {
  return path.join(root, "build", "bundle.ts");
}

/**
 * Compiles a bundle to a module, as `compileModule` does.
 * @param out the module's file
 */
export async function compileBundle(
  bundle: Bundle,
  out: string,
  options: CompileOptions = {},
): Promise<void> {
  const { name, base } = bundle;
  const folder = path.join(path.dirname(bundlePlace(base.root)), `.bundle-${name}.${process.pid}`);
  await sweep(path.dirname(folder), /^\.bundle-[a-z0-9-]+\.(\d+)$/);
  // A second Ctrl-C ends the process at once.
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    await mkdir(folder, { recursive: true });
    const entry = path.join(folder, `${name}.ts`);
    await writeFile(entry, bundleSource(bundle, folder));
    await compileModule(entry, out, { ...options, ownEntry: true });
  } finally {
    process.off("exit", remove);
    remove();
  }
}
