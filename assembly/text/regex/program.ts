// A regular expression as a graph of small steps, each about one byte or none: what an automaton is
// made from. Repeats are written out.

import { Assertion, NO_BOUND, Piece, PieceKind } from "./piece";
import { MAX_RUNE } from "./runes";

/** Most steps of one program. */
const MAX_STEPS: i32 = 20_000;

export enum StepKind {
  /** The text matches if it ends here. */
  Match,
  /** Takes a byte of a range, and goes on at `next`. */
  Byte,
  /** Goes on at `next` and at `other`. */
  Fork,
  /** Goes on at `next` if its assertion holds. */
  Assertion,
  /** Goes on nowhere. */
  Nowhere,
}

const NOWHERE: i32 = 1;

@final
export class Program {
  /** The only step of its kind. */
  static readonly MATCH: i32 = 0;
  readonly kinds: Array<i32> = [StepKind.Match, StepKind.Nowhere];
  readonly next: Array<i32> = [0, 0];
  readonly other: Array<i32> = [0, 0];
  /** The first and the last byte of a range; of an assertion, `from` says which. */
  readonly from: Array<i32> = [0, 0];
  readonly to: Array<i32> = [0, 0];
  readonly start: i32;
  /** Whether there are more steps than allowed. Then the program is not to be used. */
  isTooLong: bool = false;

  constructor(piece: Piece) {
    this.start = this.write(piece, Program.MATCH);
  }

  has(assertion: Assertion): bool {
    for (let i = 0; i < this.kinds.length; i++) {
      if (this.kinds[i] == StepKind.Assertion && this.from[i] == assertion) return true;
    }
    return false;
  }

  private add(kind: StepKind, next: i32, other: i32, from: i32 = 0, to: i32 = 0): i32 {
    const step = this.kinds.length;
    if (step == MAX_STEPS) {
      this.isTooLong = true;
      return NOWHERE;
    }
    this.kinds.push(kind);
    this.next.push(next);
    this.other.push(other);
    this.from.push(from);
    this.to.push(to);
    return step;
  }

  /** Writes what goes on at `next` behind it; returns where it begins. */
  private write(piece: Piece, next: i32): i32 {
    const parts = piece.parts;
    switch (piece.kind) {
      case PieceKind.Character:
        return this.writeRunes(piece.runes.ranges, next);
      case PieceKind.AnyByte:
        return this.add(StepKind.Byte, next, 0, 0, 0xff);
      case PieceKind.Assertion:
        return this.add(StepKind.Assertion, next, 0, piece.least);
      case PieceKind.Repeat:
        return this.writeRepeat(parts[0], piece.least, piece.most, next);
      case PieceKind.Concatenation: {
        let start = next;
        for (let i = parts.length - 1; i >= 0; i--) start = this.write(parts[i], start);
        return start;
      }
      case PieceKind.Alternation: {
        let start = this.write(parts[parts.length - 1], next);
        for (let i = parts.length - 2; i >= 0; i--) start = this.fork(this.write(parts[i], next), start);
        return start;
      }
      default:
        return next;
    }
  }

  private fork(one: i32, other: i32): i32 {
    return this.add(StepKind.Fork, one, other);
  }

  private writeRepeat(part: Piece, least: i32, most: i32, next: i32): i32 {
    let start = next;
    if (most == NO_BOUND) {
      const loop = this.fork(NOWHERE, next);
      const again = this.write(part, loop);
      this.next[loop] = this.isTooLong ? NOWHERE : again;
      start = least == 0 ? loop : again;
      for (let i = 1; i < least && !this.isTooLong; i++) start = this.write(part, start);
      return start;
    }
    for (let i = least; i < most && !this.isTooLong; i++) start = this.fork(this.write(part, start), next);
    for (let i = 0; i < least && !this.isTooLong; i++) start = this.write(part, start);
    return start;
  }

  private writeRunes(ranges: Array<i32>, next: i32): i32 {
    let start = NOWHERE;
    for (let i = ranges.length - 2; i >= 0; i -= 2) {
      start = this.writeRange(ranges[i], ranges[i + 1], next, start);
    }
    return start;
  }

  /**
   * Writes a range of characters as bytes, beside what begins at `start`. The cuts are RE2's.
   * Therefore the range that has all characters beyond ASCII takes forms that are overlong too.
   */
  private writeRange(from: i32, to: i32, next: i32, start: i32): i32 {
    if (from == 0x80 && to == MAX_RUNE) return this.writeBeyondAscii(next, start);
    for (let size = 1; size < 4; size++) {
      const last = largestOf(size);
      if (from <= last && last < to) return this.writeBoth(from, last, to, next, start);
    }
    if (to < 0x80) return this.beside(start, this.add(StepKind.Byte, next, 0, from, to));
    for (let i = 1; i < 4; i++) {
      const mask = (1 << (6 * i)) - 1;
      if ((from & ~mask) == (to & ~mask)) continue;
      if ((from & mask) != 0) return this.writeBoth(from, from | mask, to, next, start);
      if ((to & mask) != mask) return this.writeBoth(from, (to & ~mask) - 1, to, next, start);
    }
    return this.beside(start, this.writeBytes(from, to, next));
  }

  private writeBoth(from: i32, end: i32, to: i32, next: i32, start: i32): i32 {
    return this.writeRange(from, end, next, this.writeRange(end + 1, to, next, start));
  }

  /** The bytes of a range in which each byte can be any between its first and its last value. */
  private writeBytes(from: i32, to: i32, next: i32): i32 {
    const more = to < 0x800 ? 1 : to < 0x10000 ? 2 : 3;
    let step = next;
    for (let i = 0; i < more; i++) {
      const shift = 6 * i;
      step = this.add(StepKind.Byte, step, 0, 0x80 | ((from >> shift) & 0x3f), 0x80 | ((to >> shift) & 0x3f));
    }
    const mark = more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;
    return this.add(StepKind.Byte, step, 0, mark | (from >> (6 * more)), mark | (to >> (6 * more)));
  }

  private writeBeyondAscii(next: i32, start: i32): i32 {
    const last = this.add(StepKind.Byte, next, 0, 0x80, 0xbf);
    const second = this.add(StepKind.Byte, last, 0, 0x80, 0xbf);
    const first = this.add(StepKind.Byte, second, 0, 0x80, 0xbf);
    let all = this.beside(start, this.add(StepKind.Byte, last, 0, 0xc2, 0xdf));
    all = this.beside(all, this.add(StepKind.Byte, second, 0, 0xe0, 0xef));
    return this.beside(all, this.add(StepKind.Byte, first, 0, 0xf0, 0xf4));
  }

  private beside(start: i32, step: i32): i32 {
    return start == NOWHERE ? step : this.fork(step, start);
  }
}

/** The largest code point that has so many bytes in UTF-8. */
function largestOf(size: i32): i32 {
  return size == 1 ? 0x7f : size == 2 ? 0x7ff : 0xffff;
}
