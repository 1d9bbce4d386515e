// Bytes that no step of a program tells apart are one class, so that a state needs few columns.

import { isWord } from "./escapes";
import { Assertion } from "./piece";
import { Program, StepKind } from "./program";
import { Neighbour } from "./states";

const NEWLINE: i32 = 0x0a;
const BYTES: i32 = 256;

@final
export class ByteClasses {
  /** The class of each byte. */
  readonly classOf: StaticArray<u8> = new StaticArray<u8>(BYTES);
  /** A byte of each class. */
  readonly sample: Array<i32> = [];
  readonly asksForWords: bool;
  readonly asksForLines: bool;

  constructor(program: Program) {
    this.asksForWords = program.has(Assertion.WordBoundary) || program.has(Assertion.NoWordBoundary);
    this.asksForLines = program.has(Assertion.LineStart) || program.has(Assertion.LineEnd);
    const begins = this.firstBytes(program);
    for (let byte = 0; byte < BYTES; byte++) {
      if (begins[byte] != 0) this.sample.push(byte);
      this.classOf[byte] = <u8>(this.sample.length - 1);
    }
  }

  /** What a byte is to the assertions of the program. */
  neighbour(byte: i32): Neighbour {
    if (this.asksForWords && byte < 0x80 && isWord(byte)) return Neighbour.Word;
    return this.asksForLines && byte == NEWLINE ? Neighbour.Newline : Neighbour.Other;
  }

  /** The bytes at which a class begins. */
  private firstBytes(program: Program): StaticArray<u8> {
    const begins = new StaticArray<u8>(BYTES + 1);
    begins[0] = 1;
    for (let i = 0; i < program.kinds.length; i++) {
      if (program.kinds[i] != StepKind.Byte) continue;
      begins[program.from[i]] = 1;
      begins[program.to[i] + 1] = 1;
    }
    for (let byte = 1; byte < BYTES; byte++) {
      if (this.neighbour(byte) != this.neighbour(byte - 1)) begins[byte] = 1;
    }
    return begins;
  }
}
