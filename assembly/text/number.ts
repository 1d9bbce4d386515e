// Whole numbers in header values, read and written. Nothing is allocated, so requests can be
// decided on them.

import { allocate, view } from "../abi/memory";
import { Bytes } from "./bytes";
import { MAX_INTEGER_DIGITS } from "./limits";

/** Whether the byte is one of `0`-`9`. */
export function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39;
}

/** What `parseInteger` returns for anything else; no number of 18 digits comes near it. */
export const NOT_A_NUMBER: i64 = i64.MIN_VALUE;

const MINUS: u8 = 0x2d;

/**
 * The number that `text` is: an optional `-`, then 1 to 18 decimal digits, and nothing else, not
 * even a space. Leading zeros count as digits.
 * @returns `NOT_A_NUMBER` for any other bytes.
 */
export function parseInteger(text: Bytes): i64 {
  const negative = text.size > 0 && text.at(0) == MINUS;
  const first = negative ? 1 : 0;
  const digits = text.size - first;
  if (digits < 1 || digits > MAX_INTEGER_DIGITS) return NOT_A_NUMBER;
  let value: i64 = 0;
  for (let i = first; i < text.size; i++) {
    const digit = <u32>text.at(i) - 0x30;
    if (digit > 9) return NOT_A_NUMBER;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Digits of the largest number that `writeDecimal` writes. */
export const MAX_DECIMAL_SIZE: i32 = 20;

/**
 * Writes the number's decimal digits to `ptr`, which must have room for `MAX_DECIMAL_SIZE` bytes;
 * returns how many digits there are.
 */
export function writeDecimal(ptr: usize, value: u64): i32 {
  let size = 1;
  for (let left = value; left > 9; left /= 10) size++;
  for (let i = size - 1, left = value; i >= 0; i--, left /= 10) store<u8>(ptr + i, <u8>(0x30 + (left % 10)));
  return size;
}

/** The number's decimal digits, as text valid until the callback ends. */
export function decimalText(value: u64): Bytes {
  const ptr = allocate(MAX_DECIMAL_SIZE);
  return view(ptr, writeDecimal(ptr, value));
}
