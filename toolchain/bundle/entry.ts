// Writes the entry file that makes one module of several filters, and compiles it.

import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { callbacksFrom, PLUGIN } from "../check/silent-methods.js";
import { type CompileOptions, compileTo } from "../compile/build.js";
import { nearestPackage, type Source } from "../compile/source.js";

/** A filter in a bundle. */
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
  /** The package in which it is compiled. */
  readonly base: Source;
  /** In the order of the chain. */
  readonly parts: readonly BundlePart[];
}

/** The names of a stream's callbacks in `assembly/bundle/plan.ts`, by their ABI names. */
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
 * @param folder the folder of the file, for its imports
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
  const always = ["malloc", "proxy_abi_version_0_2_1", "left_out_callbacks", "needed_callbacks"];
  return [
    ...importsOf(
      base,
      parts.map((part) => part.entry),
      folder,
    ),
    `import { Callback, registerBundle } from ${sdk("bundle/index")};`,
    ...exported([...always, ...plugin], "plugin"),
    ...exported(stream, "stream"),
    ...exported(calls, "calls"),
    `registerBundle(${JSON.stringify(name)}, ${JSON.stringify(parts.map((part) => part.name))}, [`,
    ...parts.map((part) => `  ${callbackBits(part)},`),
    "]);",
    "",
  ].join("\n");
}

/** The lines that import the filters, in their order. */
function importsOf(base: Source, entries: readonly string[], folder: string): readonly string[] {
  return entries.map((entry) => `import ${JSON.stringify(importPath(base, folder, entry))};`);
}

function callbackBits(part: BundlePart): string {
  const names = part.callbacks.flatMap((callback) => STREAM_CALLBACKS[callback] ?? []);
  return names.length === 0 ? "0" : names.map((name) => `Callback.${name}`).join(" | ");
}

/**
 * In an author's package a filter of the catalog is imported by meshwright's name, like the SDK, so
 * that it uses the same copy of the SDK.
 */
function importPath({ root }: Source, folder: string, entry: string): string {
  if (nearestPackage(path.dirname(entry)) === root) return relativeImport(folder, entry);
  return `meshwright/${path.relative(PACKAGE_ROOT, entry).split(path.sep).join("/")}`.replace(/\.ts$/, "");
}

function relativeImport(folder: string, file: string): string {
  const relative = path.relative(folder, file).split(path.sep).join("/");
  return (relative.startsWith(".") ? relative : `./${relative}`).replace(/\.ts$/, "");
}

/** Where a package's bundles have their entry files for the compiler; none is on the disk. */
export function bundlePlace(root: string): string {
  return path.join(root, "build", "bundle.ts");
}

/** The generated entry file that a bundle is compiled from. */
export function sourceOfBundle(bundle: Bundle): Source {
  const { name, base } = bundle;
  const folder = path.dirname(bundlePlace(base.root));
  const entry = path.relative(base.root, path.join(folder, `${name}.bundle.ts`));
  return { ...base, entry, text: bundleSource(bundle, folder) };
}

/**
 * Compiles a bundle to a module, like `compileModule`.
 * @param out the module's file
 */
export async function compileBundle(
  bundle: Bundle,
  out: string,
  options: CompileOptions = {},
): Promise<void> {
  await compileTo(sourceOfBundle(bundle), out, options);
}
