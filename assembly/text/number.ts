// Whole numbers in header values. Nothing is allocated, so that a request may be decided on one.

import { Bytes } from "./bytes";

/** What `parseInteger` returns for anything else; no number of 18 digits comes near it. */
export const NOT_A_NUMBER: i64 = i64.MIN_VALUE;

const MAX_DIGITS: i32 = 18;
const MINUS: u8 = 0x2d;

/**
 * The number that `text` is: an optional `-`, then 1 to 18 decimal digits, and nothing else, not even a space. Leading zeros count as digits.
 * @returns `NOT_A_NUMBER` for any other bytes.
 */
export function parseInteger(text: Bytes): i64 {
  const negative = text.size > 0 && text.at(0) == MINUS;
  const first = negative ? 1 : 0;
  const digits = text.size - first;
  if (digits < 1 || digits > MAX_DIGITS) return NOT_A_NUMBER;
  let value: i64 = 0;
  for (let i = first; i < text.size; i++) {
    const digit = <u32>text.at(i) - 0x30;
    if (digit > 9) return NOT_A_NUMBER;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}
