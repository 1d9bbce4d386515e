// What is known about a module's sources: the source map and the functions' names, which the build
// writes beside the module.

import { readFileSync, statSync } from "node:fs";
import { readModule } from "../../envoy/module/read.js";
import { debugModulePath } from "../../toolchain/compile/compile.js";
import { withShownNames } from "../../toolchain/compile/source.js";
import { isLibrary, SourceMap, type SourcePlace } from "../../toolchain/compile/source-map.js";

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
    return new ModuleSource(map, whole?.functionNames ?? new Map(), whole?.bodies ?? []);
  }

  nameOf(fn: number): string | undefined {
    const name = this.names.get(fn);
    return name === undefined ? undefined : withShownNames(name);
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
