// The message that goes with a gRPC status, as Envoy hands it over: percent-encoded as the server
// sent it, and followed, in braces, by how the response ended in Envoy's terms:
// `not%20for%20you{via_upstream}`.

import { Bytes } from "./bytes";

const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const PERCENT: u8 = 0x25;
const HEX_DIGITS = Bytes.of("0123456789ABCDEF");
const NO_DIGIT: u32 = 16;
const RESPONSE_TIMEOUT = Bytes.of("{response_timeout}");

/**
 * Whether Envoy itself gave up waiting. A server cannot fake this, because Envoy marks its message
 * as an upstream's.
 */
export function saysTimeout(message: Bytes): bool {
  return message.endsWith(RESPONSE_TIMEOUT);
}

/**
 * Removes what Envoy added to the message, and decodes the message in place. A `%` without two
 * hexadecimal digits stays as it is.
 */
export function cleanMessage(message: Bytes): void {
  message.size = detailsAt(message);
  decode(message);
}

/** The most bytes that `writeEscaped` makes of one. */
export const ESCAPED_SIZE: i32 = 3;

/**
 * Writes the message in the form for a header: `%`, and anything that is not printable ASCII,
 * becomes `%` and two hexadecimal digits. Returns its size: at most `ESCAPED_SIZE` bytes for each.
 */
export function writeEscaped(start: usize, message: Bytes): i32 {
  let to = start;
  for (let i = 0; i < message.size; i++) {
    const byte = message.at(i);
    if (byte >= 0x20 && byte <= 0x7e && byte != PERCENT) {
      store<u8>(to++, byte);
      continue;
    }
    store<u8>(to++, PERCENT);
    store<u8>(to++, HEX_DIGITS.at(byte >> 4));
    store<u8>(to++, HEX_DIGITS.at(byte & 15));
  }
  return <i32>(to - start);
}

/** Where the braces that end the message open; the message's size if there are none. */
function detailsAt(message: Bytes): i32 {
  let depth = 0;
  for (let i = message.size - 1; i >= 0; i--) {
    const byte = message.at(i);
    if (byte == CLOSING_BRACE) depth++;
    else if (byte == OPENING_BRACE) depth--;
    if (depth == 0) return byte == OPENING_BRACE ? i : message.size;
  }
  return message.size;
}

function decode(message: Bytes): void {
  let to = message.ptr;
  for (let i = 0; i < message.size; i++) {
    let byte = message.at(i);
    if (byte == PERCENT && i + 2 < message.size) {
      const high = digit(message.at(i + 1));
      const low = digit(message.at(i + 2));
      if (high < NO_DIGIT && low < NO_DIGIT) {
        byte = <u8>((high << 4) | low);
        i += 2;
      }
    }
    store<u8>(to++, byte);
  }
  message.size = <i32>(to - message.ptr);
}

function digit(byte: u8): u32 {
  const decimal = <u32>byte - 0x30;
  if (decimal < 10) return decimal;
  const letter = (<u32>byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : NO_DIGIT;
}
