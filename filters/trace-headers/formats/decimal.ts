// Ids in decimal digits, as Datadog and Google Cloud write them.

import { Bytes, parseInteger, writeDecimal } from "../../../assembly";
import { ID_DIGITS, numberAt, writeNumber } from "./hex";

/** Digits of the largest number of 64 bits. */
const MAX_DIGITS: i32 = 20;
const DIGIT_0: u8 = 0x30;
const MINUS: u8 = 0x2d;

/**
 * Reads up to 20 decimal digits, of a number with no more than 64 bits, and writes it as an id of
 * 16 hexadecimal digits at `to`. False if the `size` bytes are no such number.
 */
export function readDecimalId(ptr: usize, size: i32, to: usize): bool {
  if (size < 1 || size > MAX_DIGITS) return false;
  let value: u64 = 0;
  for (let i = 0; i < size; i++) {
    const digit = <u64>load<u8>(ptr + i) - DIGIT_0;
    if (digit > 9 || value > (u64.MAX_VALUE - digit) / 10) return false;
    value = value * 10 + digit;
  }
  writeNumber(to, value, ID_DIGITS);
  return true;
}

/** Writes an id of 16 hexadecimal digits as a decimal number. Returns its size in bytes. */
export function writeDecimalId(id: usize, to: usize): i32 {
  return writeDecimal(to, numberAt(id));
}

/**
 * The number that up to `maxDigits` decimal digits are, without a sign; -1 for anything else.
 * `maxDigits` may be 18.
 */
export function readSmallDecimal(text: Bytes, maxDigits: i32): i64 {
  if (text.size < 1 || text.size > maxDigits || text.at(0) == MINUS) return -1;
  return max(parseInteger(text), -1);
}
