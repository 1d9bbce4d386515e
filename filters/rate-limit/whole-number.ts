// Whole numbers that a client or an upstream writes.

import { Bytes } from "../../assembly";

/**
 * The number in a text of any number of digits, but at most `most`, which is at least 1; -1 for
 * anything that is not a number.
 */
export function wholeNumber(text: Bytes, most: u32): i64 {
  let value: i64 = 0;
  for (let i = 0; i < text.size; i++) {
    const digit = <i64>text.at(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = min<i64>(value * 10 + digit, most);
  }
  return text.size > 0 ? value : -1;
}
