// The files of a filter: the entry file and all files that its imports lead to. Finds its classes
// and their bases in all these files.

import { statSync } from "node:fs";
import path from "node:path";
import { type Source, withShownNames } from "../compile/source.js";
import type { Binding, Compiler, DeclaredClass, Scope } from "./declarations.js";
import { parseFile, type SourceFile } from "./syntax.js";
import type { ClassUse } from "./uses.js";

/** Parsed files, so that each is read once. */
export class SourceTree {
  readonly #compiler: Compiler;
  readonly #source: Source;
  readonly #files = new Map<string, SourceFile>();

  private constructor(compiler: Compiler, source: Source) {
    this.#compiler = compiler;
    this.#source = source;
  }

  static async of(source: Source): Promise<SourceTree> {
    return new SourceTree(await import("assemblyscript"), source);
  }

  /**
   * The entry file and all that its imports lead to, without those of the SDK and of installed
   * packages; absolute paths. Missing files are left out, because the compiler reports them.
   */
  ownFiles(): readonly string[] {
    return this.#filesWithout((file) => this.isOfSdk(file) || isInstalled(file));
  }

  /** Those, and the files of installed packages that they import. */
  filesBesideSdk(): readonly string[] {
    return this.#filesWithout((file) => this.isOfSdk(file));
  }

  #filesWithout(isLeftOut: (file: string) => boolean): readonly string[] {
    const { root, entry } = this.#source;
    const start = path.join(root, entry);
    const files = new Set(isFile(start) ? [start] : []);
    // Iterating over a set includes what is added meanwhile.
    for (const file of files) {
      for (const { specifier } of this.parsed(file).imports) {
        const imported = this.#fileOf(specifier, file);
        if (imported !== undefined && !isLeftOut(imported)) files.add(imported);
      }
    }
    return [...files];
  }

  ownClasses(): readonly DeclaredClass[] {
    return this.ownFiles().flatMap((file) => this.parsed(file).classes);
  }

  /** The class and its bases, up to the first that extends none or whose base cannot be found. */
  chainOf(own: DeclaredClass): readonly DeclaredClass[] {
    const chain = new Set<DeclaredClass>();
    for (let next: DeclaredClass | undefined = own; next !== undefined && !chain.has(next); ) {
      chain.add(next);
      next = next.base === undefined ? undefined : this.#find(next.scope, next.base);
    }
    return [...chain];
  }

  /** Whether a file belongs to the SDK, or to its layer for `@solo-io/proxy-runtime`. */
  isOfSdk(file: string): boolean {
    return this.isOf("assembly", file) || this.isOf("proxy-runtime", file);
  }

  /** Whether a file is in this folder of meshwright. */
  isOf(folder: "assembly" | "proxy-runtime", file: string): boolean {
    return file.startsWith(path.join(this.#source.sdkRoot, folder) + path.sep);
  }

  /** @param file an absolute path */
  parsed(file: string): SourceFile {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const parsed = parseFile(this.#compiler, file);
    this.#files.set(file, parsed);
    return parsed;
  }

  /** The class that a name refers to where it is used. */
  classAt({ scope, names }: ClassUse): DeclaredClass | undefined {
    return this.#find(scope, names);
  }

  /** The class that a name refers to in a scope. */
  #find(scope: Scope, names: readonly string[]): DeclaredClass | undefined {
    for (let each: Scope | undefined = scope; each !== undefined; each = each.outer) {
      if (each.names.has(names[0] ?? "")) return this.#findIn(each, names);
    }
    return undefined;
  }

  #findIn({ names, file }: Scope, [first = "", ...rest]: readonly string[]): DeclaredClass | undefined {
    const binding = names.get(first);
    return binding === undefined ? undefined : this.#follow(binding, rest, file);
  }

  #follow(binding: Binding, rest: readonly string[], file: string): DeclaredClass | undefined {
    switch (binding.kind) {
      case "class":
        return rest.length === 0 ? binding.declared : undefined;
      case "alias":
        return this.#find(binding.scope, [...binding.type, ...rest]);
      case "namespace":
        return this.#findIn(binding.scope, rest);
      case "import": {
        const names = binding.name === undefined ? rest : [binding.name, ...rest];
        return this.#findExport(this.#fileOf(binding.from, file), names, new Set());
      }
    }
  }

  /** @param asked the files that were searched already, because two may export all of each other */
  #findExport(
    file: string | undefined,
    names: readonly string[],
    asked: Set<string>,
  ): DeclaredClass | undefined {
    if (file === undefined || asked.has(`${file} ${names[0]}`)) return undefined;
    asked.add(`${file} ${names[0]}`);
    const { scope, exports, exportsAllOf } = this.parsed(file);
    const [first = "", ...rest] = names;
    const exported = exports.get(first);
    if (exported !== undefined) {
      return "local" in exported
        ? this.#find(scope, [exported.local, ...rest])
        : this.#findExport(this.#fileOf(exported.from, file), [exported.name, ...rest], asked);
    }
    for (const from of exportsAllOf) {
      const found = this.#findExport(this.#fileOf(from, file), names, asked);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The file of an import, found like the compiler finds it. */
  #fileOf(name: string, from: string): string | undefined {
    if (name.startsWith(".")) return sourceFile(path.resolve(path.dirname(from), name));
    const [, below] = /^meshwright\/(.*)$/.exec(withShownNames(name)) ?? [];
    if (below !== undefined) return sourceFile(path.join(this.#source.sdkRoot, below));
    for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
      const found = sourceFile(path.join(folder, "node_modules", name));
      if (found !== undefined || folder === path.dirname(folder)) return found;
    }
  }
}

/** Like the compiler: a file of that name, otherwise the folder's index. */
function sourceFile(place: string): string | undefined {
  return [`${place}.ts`, path.join(place, "index.ts")].find(isFile);
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function isInstalled(file: string): boolean {
  return file.split(path.sep).includes("node_modules");
}
