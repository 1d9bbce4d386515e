// The grammar of one member of W3C baggage: a key, a value, and properties. Source:
// https://www.w3.org/TR/baggage/#definition

import { Bytes } from "../../../assembly";
import { BAGGAGE_KEY_MARKS } from "../limits";

const TAB: u8 = 0x09;
const SPACE: u8 = 0x20;
const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const BACKSLASH: u8 = 0x5c;
const LAST_PRINTABLE: u8 = 0x7e;
const MARKS = Bytes.of(BAGGAGE_KEY_MARKS);

/** Where the reading is, and where it must end. */
let at: usize = 0;
let end: usize = 0;

/**
 * Bytes of the key of a member, which has no blanks around it; 0 if the member breaks the grammar.
 */
export function memberKeySize(start: usize, size: i32): i32 {
  at = start;
  end = start + size;
  skipKey();
  const keySize = <i32>(at - start);
  if (keySize == 0 || !skipAssignment()) return 0;
  while (at < end) {
    if (load<u8>(at++) != SEMICOLON) return 0;
    skipBlanks();
    if (!skipProperty()) return 0;
  }
  return keySize;
}

export function isBlank(byte: u8): bool {
  return byte == SPACE || byte == TAB;
}

/** A property has a key, and may have a value. */
function skipProperty(): bool {
  const start = at;
  skipKey();
  if (at == start) return false;
  const keyEnd = at;
  skipBlanks();
  if (at == end || load<u8>(at) == SEMICOLON) return true;
  at = keyEnd;
  return skipAssignment();
}

/** `=` and a value, which may be empty, with blanks around both. */
function skipAssignment(): bool {
  skipBlanks();
  if (at == end || load<u8>(at) != EQUALS) return false;
  at++;
  skipBlanks();
  while (at < end && isValueByte(load<u8>(at))) at++;
  skipBlanks();
  return true;
}

function skipKey(): void {
  while (at < end && isKeyByte(load<u8>(at))) at++;
}

function skipBlanks(): void {
  while (at < end && isBlank(load<u8>(at))) at++;
}

/** Whether the byte may stand in a token of RFC 9110. */
export function isKeyByte(byte: u8): bool {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return (byte >= 0x30 && byte <= 0x39) || MARKS.indexOf(byte) >= 0;
}

/** Printable ASCII but for those that end a value, or would be misread. */
function isValueByte(byte: u8): bool {
  if (byte <= SPACE || byte > LAST_PRINTABLE) return false;
  return byte != QUOTE && byte != COMMA && byte != SEMICOLON && byte != BACKSLASH;
}
