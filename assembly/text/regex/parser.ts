// Parses a regular expression in RE2's syntax. Groups capture nothing, because a match is all that
// is asked. Source: https://github.com/google/re2/wiki/Syntax

import { Bytes } from "../bytes";
import { isDigit } from "../number";
import { addBothCases, addPerlClass, parseClass } from "./class-parser";
import { readEscaped } from "./escapes";
import { END, PatternReader } from "./pattern-reader";
import { Assertion, NO_BOUND, Piece } from "./piece";
import { Runes } from "./runes";

/** Most times that a repeat may ask for, alone or multiplied by the repeats around it: RE2's. */
const MAX_REPEAT: i32 = 1000;
/** Most groups within each other. RE2 has a limit of 1,000. */
const MAX_DEPTH: i32 = 100;
/** A number of more digits makes of a repeat a text, as in RE2. */
const LARGEST_COUNT: i32 = 100_000_000;
/** What `readCount` returns where no number stands. */
const NO_COUNT: i32 = -2;

const IGNORES_CASE: i32 = 1;
const IS_MULTILINE: i32 = 2;
const DOT_TAKES_NEWLINE: i32 = 4;
/** Which of several matches comes first makes no difference to whether there is one. */
const IS_LAZY: i32 = 8;

const NEWLINE: i32 = 0x0a;
const BACKSLASH: i32 = 0x5c;
const QUESTION: i32 = 0x3f;
const COMMA: i32 = 0x2c;
const OPENING: i32 = 0x28;
const CLOSING: i32 = 0x29;
const OPENING_BRACE: i32 = 0x7b;
const CLOSING_BRACE: i32 = 0x7d;
const BAR: i32 = 0x7c;
const CAPITAL_Q: i32 = 0x51;
const CAPITAL_E: i32 = 0x45;

@final
export class PatternParser {
  private readonly reader: PatternReader;
  private flags: i32 = 0;
  private depth: i32 = 0;
  /** The bounds of the repeat that `readBounds` has read. */
  private least: i32 = 0;
  private most: i32 = 0;

  /** The pattern must be well-formed UTF-8. */
  constructor(pattern: Bytes) {
    this.reader = new PatternReader(pattern);
  }

  /** What is wrong with the pattern, and where; empty if nothing is. */
  get fault(): string {
    return this.reader.fault;
  }

  /** The whole pattern. Not to be used after a fault. */
  parse(): Piece {
    const piece = this.alternation();
    if (!this.reader.isAtEnd) this.reader.fail("has a ')' without its '('");
    return piece;
  }

  private alternation(): Piece {
    const branches = [this.concatenation()];
    while (this.reader.take(BAR)) branches.push(this.concatenation());
    return Piece.alternation(branches);
  }

  private concatenation(): Piece {
    const reader = this.reader;
    const pieces: Array<Piece> = [];
    let isRepeated: bool = false;
    while (!reader.isAtEnd && reader.peek() != BAR && reader.peek() != CLOSING) {
      const start = reader.at;
      const isRepeat = this.readBounds();
      if (isRepeat) this.repeatLast(pieces, isRepeated, start);
      else this.addPiece(pieces);
      isRepeated = isRepeat;
    }
    return Piece.concatenation(pieces);
  }

  private repeatLast(pieces: Array<Piece>, isRepeated: bool, start: i32): void {
    const reader = this.reader;
    reader.take(QUESTION);
    const shown = `'${reader.text(start, reader.at)}'`;
    const highest = max(this.least, this.most);
    if (isRepeated) reader.fail(`has a repeat ${shown} of a repeat`, start);
    else if (highest > MAX_REPEAT) reader.fail(`has a repeat ${shown} above ${MAX_REPEAT}`, start);
    else if (this.most >= 0 && this.most < this.least) {
      reader.fail(`has a repeat ${shown} that ends before it begins`, start);
    } else if (pieces.length == 0) reader.fail(`has a repeat ${shown} of nothing`, start);
    if (reader.failed) return;
    const repeat = Piece.repeat(pieces.pop(), this.least, this.most);
    pieces.push(repeat);
    if (highest >= 2 && repeat.roomWithin(MAX_REPEAT) == 0) {
      reader.fail(`has repeats within each other that come to more than ${MAX_REPEAT}`, start);
    }
  }

  /** Goes over the operator of a repeat; false if there is none. */
  private readBounds(): bool {
    const reader = this.reader;
    const operator = reader.peek();
    if (operator == OPENING_BRACE) return this.readCounts();
    if (operator != 0x2a && operator != 0x2b && operator != QUESTION) return false;
    reader.at++;
    this.least = operator == 0x2b ? 1 : 0;
    this.most = operator == QUESTION ? 1 : NO_BOUND;
    return true;
  }

  /** Goes over `{n}`, `{n,}` or `{n,m}`; anything else is text. */
  private readCounts(): bool {
    const reader = this.reader;
    const start = reader.at++;
    this.least = this.readCount();
    this.most = this.least;
    if (this.least >= 0 && reader.take(COMMA)) {
      this.most = reader.peek() == CLOSING_BRACE ? NO_BOUND : this.readCount();
    }
    if (this.least >= 0 && this.most != NO_COUNT && reader.take(CLOSING_BRACE)) return true;
    reader.at = start;
    return false;
  }

  private readCount(): i32 {
    const reader = this.reader;
    const start = reader.at;
    let count = 0;
    while (reader.peek() != END && isDigit(<u8>reader.peek())) {
      if (count >= LARGEST_COUNT) return NO_COUNT;
      count = count * 10 + reader.peek() - 0x30;
      reader.at++;
    }
    const digits = reader.at - start;
    const beginsWithZero = digits > 1 && reader.peek(-digits) == 0x30;
    return digits == 0 || beginsWithZero ? NO_COUNT : count;
  }

  /** Adds what stands here, which is no repeat. Flags and quotes may add nothing. */
  private addPiece(pieces: Array<Piece>): void {
    const reader = this.reader;
    switch (reader.peek()) {
      case OPENING:
        this.addGroup(pieces);
        return;
      case 0x5b: // [
        pieces.push(Piece.character(parseClass(reader, this.has(IGNORES_CASE))));
        return;
      case 0x2e: // .
        reader.at++;
        pieces.push(this.dot());
        return;
      case 0x5e: // ^
        pieces.push(this.assertion(this.has(IS_MULTILINE) ? Assertion.LineStart : Assertion.TextStart));
        return;
      case 0x24: // $
        pieces.push(this.assertion(this.has(IS_MULTILINE) ? Assertion.LineEnd : Assertion.TextEnd));
        return;
      case BACKSLASH:
        this.addEscaped(pieces);
        return;
      default:
        this.addCharacter(pieces);
    }
  }

  private has(flag: i32): bool {
    return (this.flags & flag) != 0;
  }

  private dot(): Piece {
    const excluded = new Runes();
    if (!this.has(DOT_TAKES_NEWLINE)) excluded.add(NEWLINE, NEWLINE);
    return Piece.character(excluded.others());
  }

  private addCharacter(pieces: Array<Piece>): void {
    const start = this.reader.at;
    pieces.push(this.character(this.reader.rune(), start));
  }

  private character(rune: i32, at: i32): Piece {
    const runes = new Runes();
    runes.add(rune, rune);
    if (this.has(IGNORES_CASE)) addBothCases(this.reader, runes, at);
    return Piece.character(runes);
  }

  private addEscaped(pieces: Array<Piece>): void {
    const reader = this.reader;
    const start = reader.at;
    const runes = new Runes();
    if (addPerlClass(reader, runes, this.has(IGNORES_CASE))) {
      pieces.push(Piece.character(runes));
      return;
    }
    reader.take(BACKSLASH);
    switch (reader.peek()) {
      case 0x41: // A
        pieces.push(this.assertion(Assertion.TextStart));
        return;
      case 0x7a: // z
        pieces.push(this.assertion(Assertion.TextEnd));
        return;
      case 0x62: // b
        pieces.push(this.assertion(Assertion.WordBoundary));
        return;
      case 0x42: // B
        pieces.push(this.assertion(Assertion.NoWordBoundary));
        return;
      case 0x43: // C
        reader.at++;
        pieces.push(Piece.anyByte());
        return;
      case CAPITAL_Q:
        reader.at++;
        this.addQuoted(pieces);
        return;
      default:
        if (!reader.failed) pieces.push(this.character(readEscaped(reader), start));
    }
  }

  private assertion(which: Assertion): Piece {
    this.reader.at++;
    return Piece.assertion(which);
  }

  /** What stands until `\E`, or until the end, is text. */
  private addQuoted(pieces: Array<Piece>): void {
    const reader = this.reader;
    while (!reader.isAtEnd) {
      if (reader.peek() == BACKSLASH && reader.peek(1) == CAPITAL_E) {
        reader.at += 2;
        return;
      }
      this.addCharacter(pieces);
    }
  }

  private addGroup(pieces: Array<Piece>): void {
    const reader = this.reader;
    const start = reader.at++;
    const outerFlags = this.flags;
    if (reader.take(QUESTION) && !this.readFlags(start)) return;
    if (++this.depth > MAX_DEPTH) reader.fail(`has more than ${MAX_DEPTH} groups within each other`, start);
    pieces.push(this.alternation());
    this.depth--;
    this.flags = outerFlags;
    if (!reader.take(CLOSING)) reader.fail("has a '(' without its ')'", start);
  }

  /** Reads what follows `(?`. True if a group begins; else the flags hold from here on. */
  private readFlags(start: i32): bool {
    const reader = this.reader;
    let flags = this.flags;
    let isNegated = false;
    let isOpen = false;
    while (!reader.isAtEnd) {
      const letter = reader.rune();
      if (letter == CLOSING || letter == 0x3a) {
        if (isOpen) break;
        this.flags = flags;
        return letter == 0x3a;
      }
      if (letter == 0x2d && !isNegated) {
        isNegated = true;
        isOpen = true;
        continue;
      }
      const flag = flagOf(letter);
      if (flag == 0) break;
      isOpen = false;
      flags = isNegated ? flags & ~flag : flags | flag;
    }
    reader.fail(`has a group '${reader.text(start, reader.at)}…' that is not supported`, start);
    return false;
  }
}

function flagOf(letter: i32): i32 {
  if (letter == 0x69) return IGNORES_CASE;
  if (letter == 0x6d) return IS_MULTILINE;
  if (letter == 0x73) return DOT_TAKES_NEWLINE;
  return letter == 0x55 ? IS_LAZY : 0;
}
