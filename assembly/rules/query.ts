// Reads the parameters of a query string as HTML forms write it: `name=value&name=value`, with
// `%XX` and `+`. Source: https://url.spec.whatwg.org/#urlencoded-parsing

import { allocate, view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { NamedValues } from "./named-values";

const AMPERSAND: u8 = 0x26;
const EQUALS: u8 = 0x3d;
const PERCENT: u8 = 0x25;
const PLUS: u8 = 0x2b;
const SPACE: u8 = 0x20;

/** Where `nextByte` reads next. */
let position: i32 = 0;

/** The current name, decoded. */
const current: Bytes = new Bytes(0, 0);

/**
 * Puts the requested parameters into `found`, decoded. One without `=` has an empty value. Valid
 * until the callback ends. A `%` without two hexadecimal digits after it stands for itself.
 */
export function readParameters(query: Bytes, found: NamedValues): void {
  // Decoded text is never longer, and only values that are kept use up room.
  let room = allocate(query.size);
  for (let start = 0; start < query.size; ) {
    let end = query.indexOf(AMPERSAND, start);
    if (end < 0) end = query.size;
    let nameEnd = query.indexOf(EQUALS, start, end);
    if (nameEnd < 0) nameEnd = end;
    current.ptr = room;
    current.size = decode(query, start, nameEnd, room);
    start = end + 1;
    const slot = found.wanted(current);
    if (slot < 0) continue;
    const size = decode(query, min(nameEnd + 1, end), end, room);
    found.set(slot, view(room, size));
    room += size;
  }
}

/** Decodes the bytes in [start, end) to `to`; returns the size of the result. */
function decode(query: Bytes, start: i32, end: i32, to: usize): i32 {
  let size = 0;
  position = start;
  while (position < end) store<u8>(to + size++, nextByte(query, end));
  return size;
}

/** Decodes one byte at `position`, and advances. */
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
