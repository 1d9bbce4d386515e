// Reading one parameter out of a query string, as HTML forms write it: `name=value&name=value`, with `%XX` and `+`.
// Source: https://url.spec.whatwg.org/#urlencoded-parsing

import { allocate, view } from "../abi/memory";
import { Bytes } from "../text/bytes";

const AMPERSAND: u8 = 0x26;
const EQUALS: u8 = 0x3d;
const PERCENT: u8 = 0x25;
const PLUS: u8 = 0x2b;
const SPACE: u8 = 0x20;

/** Where `nextByte` reads next. */
let position: i32 = 0;

/**
 * The decoded value of the first parameter of that name, or `null`; a parameter without `=` has an empty value. Valid until the callback
 * ends. A `%` that no two hexadecimal digits follow stands for itself.
 */
export function findParameter(query: Bytes, name: Bytes): Bytes | null {
  let start = 0;
  while (start < query.size) {
    let end = query.indexOf(AMPERSAND, start);
    if (end < 0) end = query.size;
    let nameEnd = query.indexOf(EQUALS, start);
    if (nameEnd < 0 || nameEnd > end) nameEnd = end;
    if (decodesTo(query, start, nameEnd, name)) return decoded(query, min(nameEnd + 1, end), end);
    start = end + 1;
  }
  return null;
}

function decodesTo(query: Bytes, start: i32, end: i32, name: Bytes): bool {
  position = start;
  for (let i = 0; i < name.size; i++) {
    if (position >= end || nextByte(query, end) != name.at(i)) return false;
  }
  return position == end;
}

/** The bytes in [start, end), decoded. Copied only where there is something to decode. */
function decoded(query: Bytes, start: i32, end: i32): Bytes {
  let plain = true;
  for (let i = start; i < end && plain; i++) {
    const byte = query.at(i);
    plain = byte != PERCENT && byte != PLUS;
  }
  if (plain) return view(query.ptr + start, end - start);
  const copy = allocate(end - start);
  let size = 0;
  position = start;
  while (position < end) store<u8>(copy + size++, nextByte(query, end));
  return view(copy, size);
}

/** Decodes one byte at `position`, and steps on. */
function nextByte(query: Bytes, end: i32): u8 {
  const byte = query.at(position++);
  if (byte == PLUS) return SPACE;
  if (byte != PERCENT || position + 1 >= end) return byte;
  const high = hexDigit(query.at(position));
  const low = hexDigit(query.at(position + 1));
  if (high < 0 || low < 0) return byte;
  position += 2;
  return <u8>((high << 4) | low);
}

/** The digit's value, or -1. */
function hexDigit(byte: u8): i32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
