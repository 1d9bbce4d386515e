// What is known about a module's sources: the source map and the functions' names, which the build
// writes beside the module.

import { existsSync, readFileSync, statSync } from "node:fs";
import { readModule } from "../../envoy/module/read.js";
import { debugModulePath } from "./compile.js";
import { withShownNames } from "./source.js";
import { isLibrary, SourceMap, type SourcePlace } from "./source-map.js";

/** The place in the source from which an instruction of a module comes. */
export interface Origin extends SourcePlace {
  /** The line into which it was inlined, if it comes from the compiler's library or the SDK. */
  readonly inlinedInto?: SourcePlace;
}

/** The sources of one module. */
export class ModuleSource {
  private constructor(
    private readonly map: SourceMap | undefined,
    private readonly names: ReadonlyMap<number, string>,
    private readonly bodies: readonly { start: number; end: number }[],
    /** Functions are numbered from the imported ones on. */
    private readonly imported: number,
  ) {}

  /**
   * Reads the files beside the module. A missing or broken file counts as unknown. They are read
   * again only after a build.
   */
  static of(module: string): ModuleSource {
    const version = `${changeOf(module)} ${changeOf(`${module}.map`)}`;
    const known = KNOWN.get(module);
    if (known?.version === version) return known.source;
    const source = ModuleSource.read(module);
    KNOWN.set(module, { version, source });
    return source;
  }

  private static read(module: string): ModuleSource {
    const map = attempt(() => new SourceMap(readFileSync(`${module}.map`, "utf8")));
    const whole =
      attempt(() => readModule(readFileSync(debugModulePath(module)))) ??
      attempt(() => readModule(readFileSync(module)));
    const { functionNames = new Map(), bodies = [], functionTypes = [] } = whole ?? {};
    return new ModuleSource(map, functionNames, bodies, functionTypes.length - bodies.length);
  }

  nameOf(fn: number): string | undefined {
    const name = this.names.get(fn);
    return name === undefined ? undefined : withShownNames(name);
  }

  /** Whether the compiler gave the function this name. */
  hasName(fn: number, name: string): boolean {
    return this.names.get(fn) === name;
  }

  /** The number of the function that has this byte of the module. */
  functionAt(offset: number): number | undefined {
    const at = this.bodies.findIndex(({ start, end }) => start <= offset && offset < end);
    return at < 0 ? undefined : this.imported + at;
  }

  /** The line of source at a place; empty where the source map does not have it. */
  textAt(place: SourcePlace): string {
    return this.map?.textAt({ ...place, column: 0 }).trim() ?? "";
  }

  /** The place in the source of the instruction at this byte of the module, in that function. */
  originOf(fn: number, offset: number): Origin | undefined {
    const start = this.bodies.find((body) => body.start <= offset && offset < body.end)?.start ?? 0;
    const place = this.map?.before(offset, start, () => true);
    // An SDK line in a function of the filter was inlined there. A function of the SDK may have
    // lines of the filter inlined into it.
    const inOwn = isOwn(this.nameOf(fn) ?? "~lib/");
    if (place === undefined || isOwn(place.source) || !(inOwn || isLibrary(place.source))) return place;
    const inlinedInto = this.map?.before(offset, start, ({ source }) =>
      inOwn ? isOwn(source) : !isLibrary(source),
    );
    return inlinedInto === undefined ? place : { ...place, inlinedInto };
  }
}

/** The SDK's sources, in a checkout and in an author's package. */
const SDK = /^(meshwright\/)?assembly\//;

/** Whether a source, or a function by its name, belongs to the filter itself. */
export function isOwn(source: string): boolean {
  return !isLibrary(source) && !SDK.test(source);
}

const KNOWN = new Map<string, { readonly version: string; readonly source: ModuleSource }>();

function changeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** The sources only help the reader of a trap. The trap must show even when they cannot be read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * The module to run where a trap should be told by its lines: the same code with its functions'
 * names, without which Envoy's log does not say where a filter trapped. Where there is none, the
 * module itself.
 */
export function namedModule(module: string): string {
  const named = debugModulePath(module);
  return existsSync(named) ? named : module;
}

/** The sources of a module, or of the module that `namedModule` gives for it. */
export function sourcesOf(module: string): ModuleSource {
  return ModuleSource.of(releaseModule(module));
}

/** The path beside which a module's source map is. */
export function releaseModule(module: string): string {
  const release = module.replace(/\.debug\.wasm$/, ".wasm");
  return existsSync(`${release}.map`) ? release : module;
}
