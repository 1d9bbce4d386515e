// Parses a class in brackets, as `[a-z\d_]`.

import { readEscaped } from "./escapes";
import { perlClass, posixClass } from "./named-classes";
import { PatternReader } from "./pattern-reader";
import { Runes } from "./runes";

const CARET: i32 = 0x5e;
const DASH: i32 = 0x2d;
const COLON: i32 = 0x3a;
const BACKSLASH: i32 = 0x5c;
const OPENING: i32 = 0x5b;
const CLOSING: i32 = 0x5d;
const LETTER: i32 = 0x20;

/**
 * The class that follows; the reader stands at its bracket. With `ignoresCase` each letter stands
 * for both cases.
 */
export function parseClass(reader: PatternReader, ignoresCase: bool): Runes {
  const start = reader.at++;
  const isNegated = reader.take(CARET);
  const first = reader.at;
  const runes = new Runes();
  while (!reader.isAtEnd && (reader.peek() != CLOSING || reader.at == first)) {
    if (!addNamed(reader, runes, ignoresCase)) addRange(reader, runes, ignoresCase);
  }
  if (!reader.take(CLOSING)) reader.fail("has a '[' without its ']'", start);
  if (!isNegated) return runes;
  runes.settle();
  return runes.others();
}

/**
 * Adds the class of Perl that stands here; false if there is none. What is not in it is what is in
 * it in neither case.
 */
export function addPerlClass(reader: PatternReader, runes: Runes, ignoresCase: bool): bool {
  if (reader.peek() != BACKSLASH) return false;
  const letter = reader.peek(1);
  if ((letter | LETTER) == 0x70) reader.fail("has a Unicode class, as \\p and \\P, which is not supported");
  const named = perlClass(letter | LETTER);
  if (!named) return false;
  reader.at += 2;
  addClass(named, (letter & LETTER) == 0, runes, ignoresCase);
  return true;
}

function addNamed(reader: PatternReader, runes: Runes, ignoresCase: bool): bool {
  return addPerlClass(reader, runes, ignoresCase) || addPosixClass(reader, runes, ignoresCase);
}

/** Adds the class that stands here as `[:digit:]` or `[:^digit:]`; false if there is none. */
function addPosixClass(reader: PatternReader, runes: Runes, ignoresCase: bool): bool {
  if (reader.peek() != OPENING || reader.peek(1) != COLON) return false;
  let end = 2;
  while (reader.peek(end) >= 0 && (reader.peek(end) != COLON || reader.peek(end + 1) != CLOSING)) end++;
  if (reader.peek(end) < 0) return false;
  const isNegated = reader.peek(2) == CARET;
  const start = reader.at;
  const named = posixClass(reader.text(start + (isNegated ? 3 : 2), start + end));
  if (!named) {
    reader.fail(`has an unknown class '${reader.text(start, start + end + 2)}'`);
    return true;
  }
  reader.at += end + 2;
  addClass(named, isNegated, runes, ignoresCase);
  return true;
}

function addClass(named: Runes, isNegated: bool, runes: Runes, ignoresCase: bool): void {
  if (ignoresCase) named.addOtherCases();
  named.settle();
  runes.addAll(isNegated ? named.others() : named);
}

/** Adds a character, or the range that begins with it. */
function addRange(reader: PatternReader, runes: Runes, ignoresCase: bool): void {
  const start = reader.at;
  const from = readMember(reader);
  let to = from;
  if (reader.peek() == DASH && reader.peek(1) != CLOSING && reader.peek(1) >= 0) {
    reader.at++;
    to = readMember(reader);
    if (to < from && !reader.failed) {
      reader.fail(`has a range '${reader.text(start, reader.at)}' that ends before it begins`, start);
    }
  }
  const range = new Runes();
  range.add(from, to);
  if (ignoresCase) addBothCases(reader, range, start);
  runes.addAll(range);
}

function readMember(reader: PatternReader): i32 {
  if (reader.isAtEnd) return 0;
  return reader.take(BACKSLASH) ? readEscaped(reader) : reader.rune();
}

/** Adds the other case of each letter, which must be one of ASCII. */
export function addBothCases(reader: PatternReader, runes: Runes, start: i32): void {
  if (runes.isAscii) runes.addOtherCases();
  else reader.fail("ignores the case of characters beyond ASCII, which is not supported,", start);
}
