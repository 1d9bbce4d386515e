// A backslash and what follows it, where both stand for one character.

import { isDigit } from "../number";
import { PatternReader } from "./pattern-reader";
import { MAX_RUNE } from "./runes";

const OPENING_BRACE: i32 = 0x7b;
const CLOSING_BRACE: i32 = 0x7d;
const UNDERSCORE: i32 = 0x5f;

/** The character after a backslash, which the reader has gone over. A fault gives 0. */
export function readEscaped(reader: PatternReader): i32 {
  const start = reader.at - 1;
  if (reader.isAtEnd) {
    reader.fail("ends in a backslash", start);
    return 0;
  }
  const rune = reader.rune();
  const escaped = escapedRune(reader, rune);
  if (escaped >= 0) return escaped;
  reader.fail(`has an unknown escape '${reader.text(start, reader.at)}'`, start);
  return 0;
}

/** What the character stands for behind a backslash; -1 if for nothing. */
function escapedRune(reader: PatternReader, rune: i32): i32 {
  if (rune >= 0x31 && rune <= 0x37) return isOctal(reader.peek()) ? octal(reader, rune - 0x30) : -1;
  switch (rune) {
    case 0x30:
      return octal(reader, 0);
    case 0x78: // x
      return hexadecimal(reader);
    case 0x61: // a
      return 0x07;
    case 0x66: // f
      return 0x0c;
    case 0x6e: // n
      return 0x0a;
    case 0x72: // r
      return 0x0d;
    case 0x74: // t
      return 0x09;
    case 0x76: // v
      return 0x0b;
    default:
      return rune < 0x80 && (rune == UNDERSCORE || !isWord(rune)) ? rune : -1;
  }
}

/** Up to three digits, of which the first one is read. */
function octal(reader: PatternReader, first: i32): i32 {
  let value = first;
  for (let i = 0; i < 2 && isOctal(reader.peek()); i++) value = value * 8 + reader.rune() - 0x30;
  return value;
}

/** Two digits, or any number of them in braces. */
function hexadecimal(reader: PatternReader): i32 {
  if (reader.take(OPENING_BRACE)) {
    let value = 0;
    let digits = 0;
    while (value <= MAX_RUNE && hexDigit(reader.peek()) >= 0) {
      value = value * 16 + hexDigit(reader.rune());
      digits++;
    }
    return digits > 0 && value <= MAX_RUNE && reader.take(CLOSING_BRACE) ? value : -1;
  }
  const high = hexDigit(reader.peek());
  const low = hexDigit(reader.peek(1));
  if (high < 0 || low < 0) return -1;
  reader.at += 2;
  return high * 16 + low;
}

function isOctal(byte: i32): bool {
  return byte >= 0x30 && byte <= 0x37;
}

/** The digit's value, or -1. */
function hexDigit(byte: i32): i32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether it is a letter, a digit or `_`. */
export function isWord(byte: i32): bool {
  const lower = byte | 0x20;
  return isDigit(<u8>byte) || byte == UNDERSCORE || (lower >= 0x61 && lower <= 0x7a);
}
