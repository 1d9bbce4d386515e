// What a regular expression is made of.

import { Runes } from "./runes";

export enum PieceKind {
  /** Nothing; holds everywhere. */
  Empty,
  /** One character of a class, as its bytes in UTF-8. */
  Character,
  /** Any byte. */
  AnyByte,
  Concatenation,
  Alternation,
  Repeat,
  /** Holds between two bytes, and takes none. */
  Assertion,
}

/** What holds between two bytes. */
export enum Assertion {
  TextStart,
  TextEnd,
  LineStart,
  LineEnd,
  WordBoundary,
  NoWordBoundary,
}

/** For `Piece.most`: there is no bound. */
export const NO_BOUND: i32 = -1;

const NO_RUNES = new Runes();
const NO_PARTS: Array<Piece> = [];

@final
export class Piece {
  constructor(
    readonly kind: PieceKind,
    /** Of a character; settled. */
    readonly runes: Runes,
    /** Of a concatenation and an alternation; of a repeat the one that is repeated. */
    readonly parts: Array<Piece>,
    /** Of a repeat; of an assertion, which one. */
    readonly least: i32,
    readonly most: i32,
  ) {}

  static empty(): Piece {
    return new Piece(PieceKind.Empty, NO_RUNES, NO_PARTS, 0, 0);
  }

  static anyByte(): Piece {
    return new Piece(PieceKind.AnyByte, NO_RUNES, NO_PARTS, 0, 0);
  }

  static character(runes: Runes): Piece {
    runes.settle();
    return new Piece(PieceKind.Character, runes, NO_PARTS, 0, 0);
  }

  static assertion(which: Assertion): Piece {
    return new Piece(PieceKind.Assertion, NO_RUNES, NO_PARTS, which, 0);
  }

  static concatenation(parts: Array<Piece>): Piece {
    if (parts.length == 1) return parts[0];
    return new Piece(PieceKind.Concatenation, NO_RUNES, parts, 0, 0);
  }

  /** Characters beside each other become one class, as in RE2. */
  static alternation(branches: Array<Piece>): Piece {
    const parts: Array<Piece> = [];
    for (let i = 0; i < branches.length; i++) {
      const branch = branches[i];
      const last = parts.length - 1;
      if (last >= 0 && branch.isCharacter && parts[last].isCharacter) parts[last] = parts[last].or(branch);
      else parts.push(branch);
    }
    if (parts.length == 1) return parts[0];
    return new Piece(PieceKind.Alternation, NO_RUNES, parts, 0, 0);
  }

  static repeat(part: Piece, least: i32, most: i32): Piece {
    return new Piece(PieceKind.Repeat, NO_RUNES, [part], least, most);
  }

  private get isCharacter(): bool {
    return this.kind == PieceKind.Character;
  }

  /** A character of either class. */
  private or(other: Piece): Piece {
    const runes = new Runes();
    runes.addAll(this.runes);
    runes.addAll(other.runes);
    return Piece.character(runes);
  }

  /**
   * How many times a part may still be repeated when `room` is how many times this one may; 0 if
   * the repeats multiply to more.
   */
  roomWithin(room: i32): i32 {
    let rest = room;
    if (this.kind == PieceKind.Repeat) {
      const times = this.most < 0 ? this.least : this.most;
      if (times > 0) rest /= times;
    }
    let least = rest;
    for (let i = 0; i < this.parts.length; i++) least = min(least, this.parts[i].roomWithin(rest));
    return least;
  }
}
