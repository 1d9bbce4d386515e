// Reads the instructions of a function.

import type { ByteReader } from "./byte-reader.js";
import type { Feature } from "./features.js";

/** The instructions that callers act on; all others are skipped. */
export const Op = {
  Unreachable: 0x00,
  Block: 0x02,
  Loop: 0x03,
  If: 0x04,
  Else: 0x05,
  Try: 0x06,
  Catch: 0x07,
  Throw: 0x08,
  Rethrow: 0x09,
  ThrowRef: 0x0a,
  End: 0x0b,
  Br: 0x0c,
  BrIf: 0x0d,
  BrTable: 0x0e,
  Return: 0x0f,
  Call: 0x10,
  CallIndirect: 0x11,
  ReturnCall: 0x12,
  ReturnCallIndirect: 0x13,
  CallRef: 0x14,
  ReturnCallRef: 0x15,
  Delegate: 0x18,
  CatchAll: 0x19,
  TryTable: 0x1f,
  GlobalGet: 0x23,
  GlobalSet: 0x24,
  I32Const: 0x41,
  I64Const: 0x42,
  I32Eqz: 0x45,
  RefFunc: 0xd2,
  RefEq: 0xd3,
  RefAsNonNull: 0xd4,
  BrOnNull: 0xd5,
  BrOnNonNull: 0xd6,
  /** The prefix of the instructions of garbage collection. */
  Gc: 0xfb,
  /** The prefix of the vector instructions; the operand is the instruction's own number. */
  Vector: 0xfd,
} as const;

/**
 * Called for each instruction with its code, the byte at which it begins in the module, and its
 * first operand where that is a number or an index, otherwise 0.
 */
export type Visit = (op: number, offset: number, operand: number) => void;

/**
 * Reads up to the `end` that closes the expression at which `reader` stands. Throws
 * `MalformedModule` at an instruction that it does not know.
 */
export function walkExpression(reader: ByteReader, visit: Visit): void {
  let depth = 0;
  for (;;) {
    const offset = reader.position;
    const op = reader.u8();
    const operand = readOperands(reader, op);
    const feature = featureOf(op, operand);
    if (feature !== undefined) reader.features.add(feature);
    visit(op, offset, operand);
    if (opensBlock(op)) depth++;
    else if ((op === Op.End || op === Op.Delegate) && depth-- === 0) return;
  }
}

const FIRST_RELAXED_VECTOR = 0x100;

const LATER: ReadonlyMap<number, Feature> = new Map([
  [Op.Try, "legacy exceptions"],
  [Op.Rethrow, "legacy exceptions"],
  [Op.Delegate, "legacy exceptions"],
  [Op.TryTable, "exception references"],
  [Op.ThrowRef, "exception references"],
  [Op.ReturnCall, "tail calls"],
  [Op.ReturnCallIndirect, "tail calls"],
  [Op.CallRef, "typed function references"],
  [Op.ReturnCallRef, "typed function references"],
  [Op.RefAsNonNull, "typed function references"],
  [Op.BrOnNull, "typed function references"],
  [Op.BrOnNonNull, "typed function references"],
  [Op.RefEq, "garbage collection"],
  [Op.Gc, "garbage collection"],
]);

function featureOf(op: number, operand: number): Feature | undefined {
  if (op === Op.Vector) return operand >= FIRST_RELAXED_VECTOR ? "relaxed vectors" : undefined;
  return LATER.get(op);
}

/** Whether the instruction has an `end` of its own. */
export function opensBlock(op: number): boolean {
  return op === Op.Block || op === Op.Loop || op === Op.If || op === Op.Try || op === Op.TryTable;
}

function readOperands(reader: ByteReader, op: number): number {
  if (op >= 0x45 && op <= 0xc4) return 0;
  if (op >= 0x28 && op <= 0x3e) return skipMemoryArgument(reader);
  switch (op) {
    case Op.Unreachable:
    case 0x01:
    case Op.Else:
    case Op.ThrowRef:
    case Op.End:
    case Op.Return:
    case Op.CatchAll:
    case 0x1a:
    case 0x1b:
    case 0xd1:
    case Op.RefEq:
    case Op.RefAsNonNull:
      return 0;
    case Op.CallIndirect:
    case Op.ReturnCallIndirect:
      return firstOf(reader, 2);
    case Op.BrTable:
      reader.list((each) => each.u32());
      return reader.u32();
    case Op.I32Const:
    case Op.I64Const:
    case 0xd0:
      reader.skipNumber();
      return 0;
    case 0x43:
      return skipBytes(reader, 4);
    case 0x44:
      return skipBytes(reader, 8);
    default:
      return readRarerOperands(reader, op);
  }
}

function readRarerOperands(reader: ByteReader, op: number): number {
  switch (op) {
    case Op.Block:
    case Op.Loop:
    case Op.If:
    case Op.Try:
      return skipBlockType(reader);
    case Op.TryTable:
      skipBlockType(reader);
      reader.list((each) => firstOf(each, each.u8() < 2 ? 2 : 1));
      return 0;
    case 0x1c:
      reader.list(skipBlockType);
      return 0;
    case 0xfc:
      return skipMiscellaneous(reader);
    case Op.Gc:
      return skipGc(reader);
    case Op.Vector:
      return skipVector(reader);
    case 0xfe:
      return skipAtomic(reader);
    default:
      if (!hasIndex(op)) throw reader.malformed(`has an instruction that is not known, ${hex(op)}`);
      return reader.u32();
  }
}

function hasIndex(op: number): boolean {
  if (op >= 0x20 && op <= 0x26) return true;
  if (op === 0x3f || op === 0x40 || op === Op.RefFunc) return true;
  return (
    [Op.Catch, Op.Throw, Op.Rethrow, Op.Br, Op.BrIf, Op.Call, Op.ReturnCall].includes(op as never) ||
    [Op.CallRef, Op.ReturnCallRef, Op.Delegate, Op.BrOnNull, Op.BrOnNonNull].includes(op as never)
  );
}

function firstOf(reader: ByteReader, count: number): number {
  const first = reader.u32();
  for (let i = 1; i < count; i++) reader.u32();
  return first;
}

function skipBytes(reader: ByteReader, count: number): number {
  reader.skip(count);
  return 0;
}

function skipBlockType(reader: ByteReader): number {
  const first = reader.bytes[reader.position];
  reader.skipNumber();
  // `(ref null T)` and `(ref T)` name a type after them.
  if (first === 0x63 || first === 0x64) reader.skipNumber();
  return 0;
}

function skipMemoryArgument(reader: ByteReader): number {
  const alignment = reader.u32();
  if ((alignment & 0x40) !== 0) reader.u32();
  reader.skipNumber();
  return 0;
}

/** How many indices follow each instruction of the prefix 0xfc. */
const MISCELLANEOUS: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

function skipMiscellaneous(reader: ByteReader): number {
  const op = reader.u32();
  const count = MISCELLANEOUS[op];
  if (count === undefined) throw reader.malformed(`has an instruction that is not known, 0xfc ${hex(op)}`);
  for (let i = 0; i < count; i++) reader.u32();
  return 0;
}

/** The last of the relaxed vector instructions. Those above belong to no release of Envoy. */
const LAST_VECTOR = 0x113;

function skipVector(reader: ByteReader): number {
  const op = reader.u32();
  if (op > LAST_VECTOR) throw reader.malformed(`has an instruction that is not known, 0xfd ${hex(op)}`);
  if (op <= 11 || op === 92 || op === 93) skipMemoryArgument(reader);
  else if (op === 12 || op === 13) reader.skip(16);
  else if (op >= 21 && op <= 34) reader.skip(1);
  else if (op >= 84 && op <= 91) {
    skipMemoryArgument(reader);
    reader.skip(1);
  }
  return op;
}

const ATOMIC_FENCE = 0x03;
const FIRST_ATOMIC_ACCESS = 0x10;
const LAST_ATOMIC = 0x4e;

function skipAtomic(reader: ByteReader): number {
  const op = reader.u32();
  const isKnown = op <= ATOMIC_FENCE || (op >= FIRST_ATOMIC_ACCESS && op <= LAST_ATOMIC);
  if (!isKnown) throw reader.malformed(`has an instruction that is not known, 0xfe ${hex(op)}`);
  return op === ATOMIC_FENCE ? skipBytes(reader, 1) : skipMemoryArgument(reader);
}

/** How many indices follow each instruction of the prefix 0xfb. */
const GC: readonly number[] = [
  1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2, 1, 1, 1, 1, 3, 3, 0, 0, 0, 0, 0,
];
const BR_ON_CAST = 24;
const BR_ON_CAST_FAIL = 25;

function skipGc(reader: ByteReader): number {
  const op = reader.u32();
  const count = GC[op];
  if (count === undefined) throw reader.malformed(`has an instruction that is not known, 0xfb ${hex(op)}`);
  if (op === BR_ON_CAST || op === BR_ON_CAST_FAIL) reader.skip(1);
  // Some of these are types, which are signed numbers.
  for (let i = 0; i < count; i++) reader.skipNumber();
  return op;
}

function hex(op: number): string {
  return `0x${op.toString(16).padStart(2, "0")}`;
}
