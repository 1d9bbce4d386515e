// Base64 with the alphabet of RFC 4648, section 4. Nothing is allocated.

import { Bytes } from "./bytes";

const DIGITS = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PADDING: u8 = 0x3d;
const PLUS: u8 = 0x2b;
const SLASH: u8 = 0x2f;
/** What `digitValue` returns for a byte that is no digit. */
const NO_DIGIT: u32 = 64;
/** What `readBase64` returns for anything else. */
export const NOT_BASE64: i32 = -1;

/** Bytes that `size` bytes have in base64. */
export function base64Size(size: i32): i32 {
  return ((size + 2) / 3) * 4;
}

/** Writes the bytes in base64, with padding: `base64Size` bytes. */
export function writeBase64(to: usize, bytes: Bytes): void {
  for (let i = 0; i < bytes.size; i += 3) {
    const left = bytes.size - i;
    const first: u32 = bytes.at(i);
    const second: u32 = left > 1 ? bytes.at(i + 1) : 0;
    const third: u32 = left > 2 ? bytes.at(i + 2) : 0;
    const group = (first << 16) | (second << 8) | third;
    store<u8>(to, digit(group >> 18), 0);
    store<u8>(to, digit(group >> 12), 1);
    store<u8>(to, left > 1 ? digit(group >> 6) : PADDING, 2);
    store<u8>(to, left > 2 ? digit(group) : PADDING, 3);
    to += 4;
  }
}

/**
 * Decodes base64, with padding or without it, to `to`, which must have room for three bytes for
 * every four. Bits behind the last byte must be 0, so that no bytes have two spellings.
 * @returns how many bytes there are; `NOT_BASE64` for anything else, and `to` then holds rubbish
 */
export function readBase64(text: Bytes, to: usize): i32 {
  const digits = digitCount(text);
  if (digits < 0) return NOT_BASE64;
  let bits: u32 = 0;
  let held = 0;
  let size = 0;
  for (let i = 0; i < digits; i++) {
    const value = digitValue(text.at(i));
    if (value == NO_DIGIT) return NOT_BASE64;
    bits = (bits << 6) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    store<u8>(to + size++, <u8>(bits >> held));
    bits &= (1 << held) - 1;
  }
  return bits == 0 ? size : NOT_BASE64;
}

/** How many digits stand before the padding; -1 if that is not as it must be. */
function digitCount(text: Bytes): i32 {
  let digits = text.size;
  if ((text.size & 3) == 0) {
    if (digits > 0 && text.at(digits - 1) == PADDING) digits--;
    if (digits > 0 && text.at(digits - 1) == PADDING) digits--;
  }
  return (digits & 3) == 1 ? -1 : digits;
}

function digit(bits: u32): u8 {
  return DIGITS.at(bits & 63);
}

function digitValue(byte: u8): u32 {
  if (<u8>(byte - 0x41) < 26) return byte - 0x41;
  if (<u8>(byte - 0x61) < 26) return byte - 0x61 + 26;
  if (<u8>(byte - 0x30) < 10) return byte - 0x30 + 52;
  if (byte == PLUS) return 62;
  return byte == SLASH ? 63 : NO_DIGIT;
}
