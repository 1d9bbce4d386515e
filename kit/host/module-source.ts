// What is known of the sources of a module: the source map and the functions' names, which the
// build writes beside it.

import { readFileSync, statSync } from "node:fs";
import { readModule } from "../../envoy/module/read.js";
import { debugModulePath } from "../../toolchain/compile/compile.js";
import { withShownNames } from "../../toolchain/compile/source.js";
import { isLibrary, SourceMap, type SourcePlace } from "../../toolchain/compile/source-map.js";

/** Where an instruction of a module comes from. */
export interface Origin extends SourcePlace {
  /** The line that it was inlined into, where it comes from the compiler's library or the SDK. */
  readonly inlinedInto?: SourcePlace;
}

/** The sources of one module. */
export class ModuleSource {
  private constructor(
    private readonly map: SourceMap | undefined,
    private readonly names: ReadonlyMap<number, string>,
    private readonly bodies: readonly { start: number; end: number }[],
  ) {}

  /**
   * Reads what stands beside the module; what is not there, or is broken, is not known. Read again
   * only after a build.
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
    return new ModuleSource(map, whole?.functionNames ?? new Map(), whole?.bodies ?? []);
  }

  nameOf(fn: number): string | undefined {
    const name = this.names.get(fn);
    return name === undefined ? undefined : withShownNames(name);
  }

  /** Where the instruction at this byte of the module, in that function, comes from. */
  originOf(fn: number, offset: number): Origin | undefined {
    const start = this.bodies.find((body) => body.start <= offset && offset < body.end)?.start ?? 0;
    const place = this.map?.before(offset, start, () => true);
    // What is the SDK's in a function of the filter's was inlined there; in one of the SDK's the
    // filter's may be.
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

/** Whether a source, or a function by its name, is the filter's own. */
export function isOwn(source: string): boolean {
  return !isLibrary(source) && !SDK.test(source);
}

const KNOWN = new Map<string, { readonly version: string; readonly source: ModuleSource }>();

function changeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * The sources are a help to the reader of a trap: that they cannot be read is no reason to hide the
 * trap.
 */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
