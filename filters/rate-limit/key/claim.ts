// The text of a claim, as Envoy hands over a value of its metadata: a text as it is, a number as
// the 8 bytes of a double, true or false as one byte, a list or an object in an encoding of its
// own, which contains NULs.

import { Bytes, MAX_DECIMAL_SIZE, scratch, sequenceSize, writeDecimal } from "../../../assembly";

const TRUE = Bytes.of("true");
const FALSE = Bytes.of("false");
const SPACE: u8 = 0x20;
const MINUS: u8 = 0x2d;
const DOUBLE_SIZE: i32 = 8;
/** Every whole number up to this one fits a double. */
const MAX_WHOLE: f64 = 9007199254740991;

/** The text, or `null` for a list, an object, null or a fraction. Valid until the callback ends. */
export function claimText(value: Bytes): Bytes | null {
  if (value.size == 1 && value.at(0) <= 1) return value.at(0) == 1 ? TRUE : FALSE;
  if (isText(value)) return value;
  return value.size == DOUBLE_SIZE ? wholeNumber(load<f64>(value.ptr)) : null;
}

/** Whether it is well-formed UTF-8 without control characters. */
function isText(value: Bytes): bool {
  for (let at = 0; at < value.size; ) {
    if (value.at(at) < SPACE) return false;
    const size = sequenceSize(value.ptr + at, value.size - at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

function wholeNumber(number: f64): Bytes | null {
  if (trunc(number) != number || abs(number) > MAX_WHOLE) return null;
  const text = scratch(MAX_DECIMAL_SIZE + 1);
  let at = text.ptr;
  if (number < 0) store<u8>(at++, MINUS);
  at += writeDecimal(at, <u64>abs(number));
  text.size = <i32>(at - text.ptr);
  return text;
}
