// The id of a visitor, as its cookie has it: 128 random bits as small hexadecimal digits. Only this
// one spelling is an id, so that nobody has several.

import { Bytes } from "../../../assembly";

/** Digits of 64 bits, and of an id. */
export const WORD_DIGITS: i32 = 16;
export const ID_DIGITS: i32 = 2 * WORD_DIGITS;

const DIGIT_0: u8 = 0x30;
const LETTER_A: u8 = 0x61;

/** Whether the value is an id from its first byte on. What follows the id is not looked at. */
export function beginsWithId(value: Bytes): bool {
  if (value.size < ID_DIGITS) return false;
  for (let i = 0; i < ID_DIGITS; i++) {
    const byte = value.at(i);
    if (<u8>(byte - DIGIT_0) >= 10 && <u8>(byte - LETTER_A) >= 6) return false;
  }
  return true;
}

/** Writes the number as `WORD_DIGITS` digits at `to`. */
export function writeWord(to: usize, word: u64): void {
  for (let i = WORD_DIGITS - 1; i >= 0; i--) {
    const digit = <u8>word & 15;
    store<u8>(to + i, digit < 10 ? DIGIT_0 + digit : LETTER_A - 10 + digit);
    word >>= 4;
  }
}
