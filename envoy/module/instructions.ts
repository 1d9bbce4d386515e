// Reads the instructions of a function.

import type { ByteReader } from "./byte-reader.js";

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
  I32Eqz: 0x45,
  RefFunc: 0xd2,
  BrOnNull: 0xd5,
  BrOnNonNull: 0xd6,
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
    visit(op, offset, readOperands(reader, op));
    if (opensBlock(op)) depth++;
    else if ((op === Op.End || op === Op.Delegate) && depth-- === 0) return;
  }
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
    case 0xd3:
    case 0xd4:
      return 0;
    case Op.CallIndirect:
    case Op.ReturnCallIndirect:
      return firstOf(reader, 2);
    case Op.BrTable:
      reader.list((each) => each.u32());
      return reader.u32();
    case 0x41:
    case 0x42:
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
    case 0xfd:
      return skipVector(reader);
    case 0xfe:
      return reader.u32() === 3 ? skipBytes(reader, 1) : skipMemoryArgument(reader);
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

function skipVector(reader: ByteReader): number {
  const op = reader.u32();
  if (op <= 11 || op === 92 || op === 93) return skipMemoryArgument(reader);
  if (op === 12 || op === 13) return skipBytes(reader, 16);
  if (op >= 21 && op <= 34) return skipBytes(reader, 1);
  if (op >= 84 && op <= 91) {
    skipMemoryArgument(reader);
    return skipBytes(reader, 1);
  }
  return 0;
}

function hex(op: number): string {
  return `0x${op.toString(16).padStart(2, "0")}`;
}
