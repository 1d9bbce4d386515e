// Hosts, in the configuration and in requests. Pure.

import { Bytes, isDigit } from "../../../assembly";

const COLON: u8 = 0x3a;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;
/** Most digits of a port. */
const PORT_DIGITS: i32 = 5;

/**
 * Where the port of a host begins, or the text ends; -1 for a text that is no host. A host is a
 * name of letters, digits, `.`, `-` and `_`, or an address in brackets.
 */
export function hostEnd(text: Bytes): i32 {
  const isBracketed = text.size > 0 && text.at(0) == OPENING_BRACKET;
  let end = isBracketed ? 1 : 0;
  const start = end;
  while (end < text.size && (isBracketed ? isOfAddress(text.at(end)) : isOfName(text.at(end)))) end++;
  if (end == start) return -1;
  if (isBracketed) {
    if (end == text.size || text.at(end) != CLOSING_BRACKET) return -1;
    end++;
  }
  return end == text.size || isPort(text, end) ? end : -1;
}

function isPort(text: Bytes, colon: i32): bool {
  const digits = text.size - colon - 1;
  if (text.at(colon) != COLON || digits < 1 || digits > PORT_DIGITS) return false;
  for (let i = colon + 1; i < text.size; i++) {
    if (!isDigit(text.at(i))) return false;
  }
  return true;
}

function isOfName(byte: u8): bool {
  const letter = byte | 0x20;
  // '-' and '.' are neighbours, and 0x5f is '_'.
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x7a) || byte == 0x2d || byte == 0x2e || byte == 0x5f;
}

function isOfAddress(byte: u8): bool {
  const letter = byte | 0x20;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x66) || byte == COLON || byte == 0x2e;
}
