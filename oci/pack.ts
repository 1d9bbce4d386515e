// Packs modules as OCI images: builds them, finds out what is known of them, and writes a layout
// of each.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { Json } from "../envoy/config/json.js";
import { readDocument } from "../envoy/document.js";
import { MeshwrightError } from "../envoy/errors.js";
import { inspectModule } from "../envoy/module/inspect.js";
import { leanModule } from "../envoy/module/lean.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { isCatalogName } from "../filters/catalog.js";
import { compiledModule } from "../kit/host/compiled.js";
import { idleCallbacks } from "../kit/host/idle-callbacks.js";
import { buildBundle } from "../toolchain/bundle/bundle.js";
import { findRunnable } from "../toolchain/bundle/find.js";
import { type BuiltFilter, buildFilters } from "../toolchain/compile/build.js";
import { sourceAt, workspaceRoot } from "../toolchain/compile/source.js";
import { type FilterPlace, findPlace } from "../toolchain/package/member.js";
import { materialsOf } from "./facts/materials.js";
import { originOf, packageFile, textOf } from "./facts/origin.js";
import { annotationsOf, type Maker, type PackedModule } from "./facts/packed-module.js";
import { provenanceOf } from "./facts/provenance.js";
import { sbomOf } from "./facts/sbom.js";
import { type Annotations, type Digest, digestOf, MEDIA_TYPES } from "./image/descriptor.js";
import type { Format } from "./image/format.js";
import { imageOf } from "./image/image.js";
import { referrerOf } from "./image/referrer.js";
import { layoutFiles, type Packed } from "./layout/layout.js";
import { writeLayout, writeLayoutTar } from "./layout/write.js";

export interface PackOptions {
  /**
   * Files of settings, of one filter or bundle: the image has a lean build, without the callbacks
   * that none of them needs. Default: none, and the whole module.
   */
  readonly for?: readonly string[];
  /** Makes one module of that name of all filters. Default: a module for each filter. */
  readonly bundle?: string;
  /** Default: `image`. */
  readonly format?: Format;
  /** Writes NAME.oci.tar and not the folder NAME.oci. Default: false. */
  readonly tar?: boolean;
  /** The folder for images. Default: `build` of the filter's package. */
  readonly outDir?: string;
  /** Further annotations, which replace ours; an empty one removes ours. Default: none. */
  readonly annotations?: Annotations;
  /** Called with a line when a filter's compilation starts and ends. */
  readonly onProgress?: (line: string) => void;
}

/** A layout that was written. */
export interface PackedImage {
  /** The module's name. */
  readonly name: string;
  /** The folder or the archive. */
  readonly path: string;
  /** The callbacks that the module leaves out. */
  readonly leftOut: readonly string[];
  /** The digest of the image's manifest, by which proxies name it. */
  readonly digest: Digest;
  /** The size of config and layers, which a proxy fetches. */
  readonly bytes: number;
}

/**
 * Builds the filters and writes an image of each, or of their bundle. Each filter is named as
 * `findMember` expects it. The same sources give the same digest on every machine.
 * @throws MeshwrightError like `buildFilters` and `buildBundle`; `configuration` for a file of
 * settings; `usage` for settings of several images; `write-failed` where a layout cannot be written
 */
export async function packFilters(
  names: readonly string[],
  options: PackOptions = {},
): Promise<readonly PackedImage[]> {
  const { bundle, onProgress } = options;
  const told = onProgress === undefined ? {} : { onProgress };
  refuseSettingsOfSeveral(names, options);
  const places = await Promise.all(names.map((name) => findPlace(name)));
  const maker = await ourselves();
  if (bundle === undefined) {
    const built = await buildFilters(names, told);
    const packed: PackedImage[] = [];
    for (const [i, place] of places.entries()) {
      const module = await moduleOf(built[i] as BuiltFilter, [place], options);
      packed.push(await write(module, outFolder([place], options), options, maker));
    }
    return packed;
  }
  const built = (await buildBundle(bundle, names, told)).at(-1) as BuiltFilter;
  return [await write(await moduleOf(built, places, options), outFolder(places, options), options, maker)];
}

/** The image and the referrers of one module. The same arguments give the same bytes. */
export async function packModule(
  module: PackedModule,
  maker: Maker,
  { format = "image", annotations = {} }: Pick<PackOptions, "format" | "annotations"> = {},
): Promise<Packed> {
  const schema = Buffer.from(module.schema);
  const all = Object.entries({ ...annotationsOf(module, digestOf(schema)), ...annotations });
  const kept = Object.fromEntries(all.filter(([, value]) => value !== ""));
  const image = await imageOf(module.bytes, format, kept);
  const subject = image.manifest.descriptor;
  const title = (name: string) => ({ "org.opencontainers.image.title": name });
  const { name } = module;
  const referrers = [
    { type: MEDIA_TYPES.sbom, bytes: sbomOf(module, maker), annotations: title(`${name}.cdx.json`) },
    {
      type: MEDIA_TYPES.provenance,
      bytes: provenanceOf(module, subject, format, maker),
      annotations: title(`${name}.provenance.json`),
    },
    { type: MEDIA_TYPES.schema, bytes: schema, annotations: title(`${name}.schema.json`) },
  ];
  return { image, referrers: referrers.map((parts) => referrerOf({ subject, ...parts })) };
}

async function write(
  module: PackedModule,
  folder: string,
  options: PackOptions,
  maker: Maker,
): Promise<PackedImage> {
  const packed = await packModule(module, maker, options);
  const files = layoutFiles(packed, tagOf(module.origin.version));
  const place = path.join(folder, `${module.name}.oci${options.tar ? ".tar" : ""}`);
  await (options.tar ? writeLayoutTar : writeLayout)(place, files);
  const bytes = packed.image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const { leftOut } = module;
  return { name: module.name, leftOut, path: place, digest: packed.image.manifest.descriptor.digest, bytes };
}

/** A version as a tag, which has no `+`. */
function tagOf(version: string | undefined): string | undefined {
  return version?.replaceAll(/[^\w.-]/g, "_").slice(0, 128);
}

/** The package in which the module was compiled. */
function rootOf(places: readonly FilterPlace[]): string {
  const own = places.find(({ isOwn }) => isOwn);
  if (own !== undefined) return sourceAt(own.entry).root;
  return places.length === 1 ? PACKAGE_ROOT : workspaceRoot();
}

function outFolder(places: readonly FilterPlace[], { outDir }: PackOptions): string {
  if (outDir !== undefined) return outDir;
  const hasOwn = places.some(({ isOwn }) => isOwn);
  return path.join(hasOwn ? rootOf(places) : workspaceRoot(), "build");
}

function refuseSettingsOfSeveral(names: readonly string[], options: PackOptions): void {
  if (options.for === undefined || options.bundle !== undefined || names.length === 1) return;
  throw new MeshwrightError(
    "usage",
    "--for FILE is about the settings of one filter or bundle: name that one, or pack them one by one",
  );
}

async function moduleOf(
  built: BuiltFilter,
  places: readonly FilterPlace[],
  { for: files = [] }: PackOptions,
): Promise<PackedModule> {
  const root = rootOf(places);
  const whole = await readFile(built.path);
  const leftOut = files.length === 0 ? [] : await idleWithAll(built, places, files);
  const bytes = leanModule(whole, leftOut);
  const { abi, refusals } = inspectModule(bytes);
  if (abi === null || refusals.length > 0) {
    throw new MeshwrightError("build", `stock Envoy would refuse ${built.path}`, refusals);
  }
  const materials = await materialsOf(`${built.path}.map`, root);
  const kind = places.length > 1 && !isCatalogName(built.name) ? ".bundle.schema.json" : ".schema.json";
  const schema = await readFile(path.join(path.dirname(built.path), "schemas", built.name + kind), "utf8");
  return {
    name: built.name,
    summary: String(JSON.parse(schema).title).replace(`${built.name}: `, ""),
    bytes,
    digest: digestOf(bytes),
    filters: places.map(({ name }) => name),
    leftOut,
    abi,
    schema,
    origin: await originOf(root, materials.own),
    materials,
  };
}

/** The callbacks of streams that none of these settings needs. */
async function idleWithAll(
  built: BuiltFilter,
  places: readonly FilterPlace[],
  files: readonly string[],
): Promise<readonly string[]> {
  const [only] = places;
  const descriptor = await findRunnable(places.length === 1 && only !== undefined ? only.entry : built.path);
  const module = compiledModule(built.path);
  const idle: (readonly string[])[] = [];
  for (const file of files) {
    const config = (await readDocument(file, descriptor.schema, `${built.name} configuration`)) as Json;
    const isAlone = descriptor.sharedData?.(config) === undefined;
    idle.push(idleCallbacks(module, JSON.stringify(config), { isAlone }));
  }
  return (idle[0] ?? []).filter((callback) => idle.every((each) => each.includes(callback)));
}

async function ourselves(): Promise<Maker> {
  const { version } = createRequire(import.meta.url)("assemblyscript/package.json") as { version: string };
  return { version: textOf((await packageFile(PACKAGE_ROOT)).version) ?? "0", compiler: version };
}
