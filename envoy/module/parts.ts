// The parts of a WebAssembly module that are read here.

import type { Feature } from "./features.js";
import type { Limits, Signature, TableType } from "./types.js";

export type ExternKind = "function" | "table" | "memory" | "global" | "tag";

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** A function's signature. */
  readonly signature?: Signature;
}

export interface WasmExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** Its number among all of its kind, the imported ones first. */
  readonly index: number;
}

export interface WasmGlobal {
  readonly type: string;
  readonly isMutable: boolean;
  /** Its first value, where that is a whole number that the module itself gives. */
  readonly initial: bigint | undefined;
}

/** A segment that is written to a memory or a table while the module is instantiated. */
export interface Segment {
  readonly kind: "data" | "element";
  /** The number of the memory or the table. */
  readonly target: number;
  /** Where it begins, in bytes or entries; `undefined` where only the start knows. */
  readonly offset: bigint | undefined;
  /** In bytes or entries. */
  readonly size: number;
}

/**
 * A module's parts. Functions, memories, tables and globals are numbered as in the binary: the
 * imported ones first.
 */
export interface WasmModule {
  readonly bytes: Uint8Array;
  /** The later features that its sections use, without those of its instructions. */
  readonly features: Set<Feature>;
  /** In the order of the file; `bytes` counts the section's head too. */
  readonly sections: { name: string; start: number; bytes: number }[];
  types: readonly (Signature | null)[];
  readonly imports: WasmImport[];
  /** The number of every function's type. */
  readonly functionTypes: number[];
  readonly memories: Limits[];
  readonly tables: TableType[];
  readonly globals: WasmGlobal[];
  exports: readonly WasmExport[];
  /** The function that runs while the module is instantiated. */
  startFunction: number | undefined;
  /** The data and element segments that a start writes. */
  readonly segments: Segment[];
  /** The functions that a call through a table can reach. */
  readonly tabled: Set<number>;
  /** The byte ranges of the module's own functions: locals and instructions. */
  bodies: readonly { start: number; end: number }[];
  /** Names of functions, where the module has any. */
  functionNames: ReadonlyMap<number, string>;
  /**
   * What made the module: fields such as `language`, `processed-by`, `sdk`, with names and
   * versions.
   */
  producers: readonly { field: string; name: string; version: string }[];
  sourceMapUrl: string | undefined;
}
