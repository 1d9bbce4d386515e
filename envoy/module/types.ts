// The types of WebAssembly that a host sees.

import type { ByteReader } from "./byte-reader.js";

/**
 * A function's parameters and results, by the names of the text format: `i32`, `i64`, `f32`, `f64`,
 * `v128`, `funcref`, `externref`, `ref`.
 */
export interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** The size of a memory in pages of 64 KiB, or of a table in entries. */
export interface Limits {
  readonly initial: number;
  readonly maximum: number | null;
  readonly isShared: boolean;
  /** Its addresses have 64 bits. */
  readonly is64: boolean;
}

/** A table: its limits and the type of its entries. */
export interface TableType extends Limits {
  readonly type: string;
}

const VALUE_TYPES: Readonly<Record<number, string>> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
  112: "funcref",
  111: "externref",
};
const REF_NULL = 0x63;
const REF = 0x64;
const EXCEPTION = 0x69;
const NO_EXCEPTION = 0x74;
const FUNC_HEAP = 0x70;
const EXTERN_HEAP = 0x6f;

/** Written as in Envoy's own messages: `i32 i32 -> i32`. */
export function describeSignature({ params, results }: Signature): string {
  const list = (types: readonly string[]) => (types.length === 0 ? "void" : types.join(" "));
  return `${list(params)} -> ${list(results)}`;
}

export function sameSignature(a: Signature, b: Signature): boolean {
  return describeSignature(a) === describeSignature(b);
}

/**
 * A reference that is not null counts as one that may be: Envoy knows both by the same name.
 */
export function readValueType(reader: ByteReader): string {
  const byte = reader.u8();
  if (byte === REF_NULL || byte === REF) {
    const heap = reader.bytes[reader.position];
    reader.skipNumber();
    reader.features.add("typed function references");
    if (heap === FUNC_HEAP) return "funcref";
    return heap === EXTERN_HEAP ? "externref" : "ref";
  }
  const name = VALUE_TYPES[byte];
  if (name !== undefined) return name;
  if (byte < EXCEPTION || byte > NO_EXCEPTION) throw reader.malformed("has an unknown value type");
  const isException = byte === EXCEPTION || byte === NO_EXCEPTION;
  reader.features.add(isException ? "exception references" : "garbage collection");
  return "ref";
}

/** Skips the declarations of a function's locals. */
export function readLocals(reader: ByteReader): void {
  reader.list((local) => {
    local.u32();
    readValueType(local);
  });
}

export function readLimits(reader: ByteReader): Limits {
  const flags = reader.u8();
  if (flags > 7) throw reader.malformed("has unknown limits");
  const is64 = (flags & 4) !== 0;
  const size = () => (is64 ? reader.u64() : reader.u32());
  const initial = size();
  return { initial, maximum: (flags & 1) === 0 ? null : size(), isShared: (flags & 2) !== 0, is64 };
}

const FUNCTION = 0x60;
const STRUCT = 0x5f;
const ARRAY = 0x5e;
const SUB_FINAL = 0x4f;
const SUB = 0x50;
const RECURSIVE_GROUP = 0x4e;

/** The type section: function types by their numbers, and `null` for a type of another kind. */
export function readTypes(reader: ByteReader): (Signature | null)[] {
  const types: (Signature | null)[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.bytes[reader.position] === RECURSIVE_GROUP) {
      reader.u8();
      reader.features.add("garbage collection");
      types.push(...reader.list(readSubType));
    } else {
      types.push(readSubType(reader));
    }
  }
  return types;
}

function readSubType(reader: ByteReader): Signature | null {
  let form = reader.u8();
  if (form !== FUNCTION) reader.features.add("garbage collection");
  if (form === SUB || form === SUB_FINAL) {
    reader.list((each) => each.u32());
    form = reader.u8();
  }
  switch (form) {
    case FUNCTION:
      return { params: reader.list(readValueType), results: reader.list(readValueType) };
    case STRUCT:
      reader.list(skipField);
      return null;
    case ARRAY:
      skipField(reader);
      return null;
    default:
      throw reader.malformed("has an unknown kind of type");
  }
}

const PACKED_I8 = 0x78;
const PACKED_I16 = 0x77;

function skipField(reader: ByteReader): void {
  const storage = reader.bytes[reader.position];
  if (storage === PACKED_I8 || storage === PACKED_I16) reader.u8();
  else readValueType(reader);
  reader.u8();
}
