// Hexadecimal text of the trace formats, read as bytes: W3C's strictly, B3's as
// Envoy does, and that of others in either case.

const DIGIT_0: u8 = 0x30;
const LETTER_A: u8 = 0x61;
const LETTER_X: u8 = 0x78;
/** Makes a letter a small one. */
const LOWER: u8 = 0x20;
const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;
const RETURN: u8 = 0x0d;
/** For eight bytes at once. */
const ZEROS: u64 = 0x3030303030303030;
const HIGH_BITS: u64 = 0x8080808080808080;
const FROM_0: u64 = 0x5050505050505050;
const BEHIND_9: u64 = 0x4646464646464646;
const FROM_A: u64 = 0x1f1f1f1f1f1f1f1f;
const BEHIND_F: u64 = 0x1919191919191919;
/** Digits of a number of 64 bits. */
export const ID_DIGITS: i32 = 16;

/** Whether `byte` is one of `0`-`9`, `a`-`f`. */
export function isHexDigit(byte: u8): bool {
  return <u8>(byte - DIGIT_0) < 10 || <u8>(byte - LETTER_A) < 6;
}

/** The value, 0 to 15, of a byte for which `isHexDigit` is true. */
export function hexValue(byte: u8): u8 {
  return byte >= LETTER_A ? byte - LETTER_A + 10 : byte - DIGIT_0;
}

/**
 * Whether the `size` bytes at `ptr`, a multiple of 8, are an id of W3C: lower-case digits that are
 * not all `0`.
 */
export function isId(ptr: usize, size: i32): bool {
  let others: u64 = 0;
  for (let i = 0; i < size; i += 8) {
    const bytes = load<u64>(ptr + i);
    if (!areHexDigits(bytes)) return false;
    others |= bytes ^ ZEROS;
  }
  return others != 0;
}

/**
 * `isHexDigit` for eight bytes at once. A sum has its byte's high bit set from the first digit on,
 * or behind the last one; a byte that has the bit itself is none, whatever it carries to others.
 */
function areHexDigits(bytes: u64): bool {
  const digits = (bytes + FROM_0) & ~(bytes + BEHIND_9);
  const letters = (bytes + FROM_A) & ~(bytes + BEHIND_F);
  return ((digits | letters) & ~bytes & HIGH_BITS) == HIGH_BITS;
}

/**
 * Copies the `size` bytes of an id, a multiple of 8. For so few, `memory.copy` costs several times
 * as much, because V8 makes a call of it.
 */
export function copyId(ptr: usize, size: i32, to: usize): void {
  for (let i = 0; i < size; i += 8) store<u64>(to + i, load<u64>(ptr + i));
}

/**
 * Copies an id of `size` digits of either case to `to`, in lower case. False for anything that is
 * no digit, and then `to` holds rubbish.
 */
export function copyDigits(ptr: usize, size: i32, to: usize): bool {
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(ptr + i);
    const digit = isHexDigit(byte) ? byte : byte | LOWER;
    if (!isHexDigit(digit)) return false;
    store<u8>(to + i, digit);
  }
  return true;
}

/** Whether all `size` bytes at `ptr` are the digit `0`. */
export function isZeros(ptr: usize, size: i32): bool {
  for (let i = 0; i < size; i++) {
    if (load<u8>(ptr + i) != DIGIT_0) return false;
  }
  return true;
}

/**
 * Reads a number as Envoy's Zipkin tracer does: blanks and `0x` may come first; then digits of
 * either case, as long as their value has no more than 64 bits. Writes it as 16 digits at `to`.
 * False if the `size` bytes are no such number.
 */
export function readId(ptr: usize, size: i32, to: usize): bool {
  const end = ptr + size;
  while (ptr < end && isSpace(load<u8>(ptr))) ptr++;
  if (end - ptr > 2 && load<u8>(ptr) == DIGIT_0 && (load<u8>(ptr, 1) | LOWER) == LETTER_X) ptr += 2;
  if (ptr >= end) return false;
  let value: u64 = 0;
  for (; ptr < end; ptr++) {
    const byte = load<u8>(ptr);
    const digit = isHexDigit(byte) ? byte : byte | LOWER;
    if (!isHexDigit(digit) || value >> 60 != 0) return false;
    value = (value << 4) | hexValue(digit);
  }
  writeNumber(to, value, ID_DIGITS);
  return true;
}

function isSpace(byte: u8): bool {
  return byte == SPACE || (byte >= TAB && byte <= RETURN);
}

/** Writes the low bits of a number as `size` digits. */
export function writeNumber(to: usize, value: u64, size: i32): void {
  for (let i = size - 1; i >= 0; i--) {
    store<u8>(to + i, hexDigit(<u8>value & 15));
    value >>= 4;
  }
}

/** The number that the `ID_DIGITS` checked digits at `ptr` are. */
export function numberAt(ptr: usize): u64 {
  let value: u64 = 0;
  for (let i = 0; i < ID_DIGITS; i++) value = (value << 4) | hexValue(load<u8>(ptr + i));
  return value;
}

/**
 * Writes `size` bytes from `from` as `2 * size` digits at `to`. If all bytes are zero, the last
 * digit becomes 1, because an id of zeros means "no id" in every format.
 */
export function writeId(to: usize, from: usize, size: i32): void {
  let anyBit: u8 = 0;
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(from + i);
    anyBit |= byte;
    store<u8>(to + 2 * i, hexDigit(byte >> 4));
    store<u8>(to + 2 * i, hexDigit(byte & 15), 1);
  }
  if (anyBit == 0) store<u8>(to + 2 * size - 1, DIGIT_0 + 1);
}

function hexDigit(value: u8): u8 {
  return value < 10 ? DIGIT_0 + value : LETTER_A - 10 + value;
}
