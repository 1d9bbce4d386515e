// What a WebAssembly module is made of, as far as it is read.

import type { Limits, Signature } from "./types.js";

export type ExternKind = "function" | "table" | "memory" | "global" | "tag";

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function. */
  readonly signature?: Signature;
}

export interface WasmExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** Its number among all of that kind, the imported ones first. */
  readonly index: number;
}

export interface WasmGlobal {
  readonly type: string;
  /** It begins as the number 0. */
  readonly zero: boolean;
}

/**
 * A module's parts. Functions, memories and globals are numbered as in the binary: the imported
 * ones first.
 */
export interface WasmModule {
  readonly bytes: Uint8Array;
  /** In their order; `bytes` counts the section's head too. */
  readonly sections: { name: string; start: number; bytes: number }[];
  types: readonly (Signature | null)[];
  readonly imports: WasmImport[];
  /** Of every function, the number of its type. */
  readonly functionTypes: number[];
  readonly memories: Limits[];
  readonly globals: WasmGlobal[];
  exports: readonly WasmExport[];
  /** The function that runs while the module is instantiated. */
  startFunction: number | undefined;
  /** The functions that a call through a table can reach. */
  readonly tabled: Set<number>;
  /** Where the functions of the module itself begin and end: locals and instructions. */
  bodies: readonly { start: number; end: number }[];
  /** Names of functions, where the module has any. */
  functionNames: ReadonlyMap<number, string>;
  /** What made the module: fields as `language`, `processed-by`, `sdk`, with names and versions. */
  producers: readonly { field: string; name: string; version: string }[];
  sourceMapUrl: string | undefined;
}
