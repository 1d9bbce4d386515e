// Hexadecimal text in the form of the trace formats: only lower case, read as bytes.

const DIGIT_0: u8 = 0x30;
const LETTER_A: u8 = 0x61;

/** Whether `byte` is one of `0`-`9`, `a`-`f`. */
export function isHexDigit(byte: u8): bool {
  return <u8>(byte - DIGIT_0) < 10 || <u8>(byte - LETTER_A) < 6;
}

/** The value, 0 to 15, of a byte for which `isHexDigit` is true. */
export function hexValue(byte: u8): u8 {
  return byte >= LETTER_A ? byte - LETTER_A + 10 : byte - DIGIT_0;
}

/** Whether the `size` bytes at `ptr` are an id: hexadecimal digits that are not all `0`. */
export function isId(ptr: usize, size: i32): bool {
  let anyBit: u8 = 0;
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(ptr + i);
    if (!isHexDigit(byte)) return false;
    anyBit |= byte ^ DIGIT_0;
  }
  return anyBit != 0;
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
