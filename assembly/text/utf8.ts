// UTF-8 at an address: the well-formed sequences of RFC 3629 and no others. Overlong forms, encoded
// surrogates and code points above U+10FFFF are refused, because a second spelling of a character
// is a way around a check.

/**
 * Number of bytes, 1 to 4, of the well-formed sequence at `ptr`. Reads at most `available` bytes.
 * @returns 0 if there is no well-formed sequence, or `available` is 0 or less.
 */
export function sequenceSize(ptr: usize, available: i32): i32 {
  if (available <= 0) return 0;
  const lead = load<u8>(ptr);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (size > available || !isSecondByte(lead, load<u8>(ptr + 1))) return 0;
  for (let i = 2; i < size; i++) {
    if (!isContinuation(load<u8>(ptr + i))) return 0;
  }
  return size;
}

/** Whether `byte` continues a sequence that an earlier byte began. */
export function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

// The second byte alone decides whether the sequence is overlong (E0, F0), a surrogate (ED) or too
// large (F4).
function isSecondByte(lead: u8, second: u8): bool {
  if (lead == 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (lead == 0xed) return second >= 0x80 && second <= 0x9f;
  if (lead == 0xf0) return second >= 0x90 && second <= 0xbf;
  if (lead == 0xf4) return second >= 0x80 && second <= 0x8f;
  return isContinuation(second);
}

/**
 * Writes `codePoint` at `ptr`, where 4 bytes must be free. It must be at most U+10FFFF and not a
 * surrogate.
 * @returns the number of bytes written, 1 to 4.
 */
export function writeCodePoint(ptr: usize, codePoint: u32): i32 {
  if (codePoint < 0x80) {
    store<u8>(ptr, codePoint);
    return 1;
  }
  if (codePoint < 0x800) {
    store<u8>(ptr, 0xc0 | (codePoint >> 6));
    store<u8>(ptr + 1, 0x80 | (codePoint & 0x3f));
    return 2;
  }
  if (codePoint < 0x10000) {
    store<u8>(ptr, 0xe0 | (codePoint >> 12));
    store<u8>(ptr + 1, 0x80 | ((codePoint >> 6) & 0x3f));
    store<u8>(ptr + 2, 0x80 | (codePoint & 0x3f));
    return 3;
  }
  store<u8>(ptr, 0xf0 | (codePoint >> 18));
  store<u8>(ptr + 1, 0x80 | ((codePoint >> 12) & 0x3f));
  store<u8>(ptr + 2, 0x80 | ((codePoint >> 6) & 0x3f));
  store<u8>(ptr + 3, 0x80 | (codePoint & 0x3f));
  return 4;
}
