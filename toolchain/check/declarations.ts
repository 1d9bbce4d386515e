// What a source file declares, imports and exports, as far as a class must be followed to its
// bases.

/** The compiler as a library. It takes a third of a second to load. */
export type Compiler = typeof import("assemblyscript");

/** What a name refers to. */
export type Binding =
  | { readonly kind: "class"; readonly declared: DeclaredClass }
  | { readonly kind: "alias"; readonly type: readonly string[]; readonly scope: Scope }
  | { readonly kind: "namespace"; readonly scope: Scope }
  /**
   * `name` is the name in the other file; without one it means everything that the file exports.
   */
  | { readonly kind: "import"; readonly from: string; readonly name?: string };

/** The names in a file, or in a namespace of it. */
export interface Scope {
  readonly file: string;
  readonly names: Map<string, Binding>;
  readonly outer?: Scope;
}

export interface DeclaredClass {
  /** Absolute. */
  readonly file: string;
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  readonly scope: Scope;
  /** The parts of its base's name: `sdk.HttpContext` has two. */
  readonly base?: readonly string[];
  readonly methods: readonly Method[];
  readonly staticMethods: readonly Method[];
}

export interface Method {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  /** False where it is only declared, like an abstract method. */
  readonly hasBody: boolean;
  /** What it always returns, where that is the same word at each `return`. */
  readonly always?: "false" | "null";
}

/** An exported name: of this file, or of another. */
export type Exported = { readonly local: string } | { readonly from: string; readonly name: string };

/** An import or re-export of another file. */
export interface Import {
  /** The specifier as it is written. */
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
  /** The imported names; empty where it imports all, or none. */
  readonly names: readonly string[];
}
