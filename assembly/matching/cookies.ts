// Reading one cookie out of a `cookie` header. Source: RFC 6265, section 4.2.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";

const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

/** The value of the first cookie of that name, as it was sent, or `null`. A view valid until the callback ends. */
export function findCookie(header: Bytes, name: Bytes): Bytes | null {
  let start = 0;
  while (start < header.size) {
    let end = header.indexOf(SEMICOLON, start);
    if (end < 0) end = header.size;
    start = skipBlanks(header, start, end);
    const valueStart = start + name.size + 1;
    if (valueStart <= end && isNamed(header, start, name)) return trimmed(header, valueStart, end);
    start = end + 1;
  }
  return null;
}

function isNamed(header: Bytes, start: i32, name: Bytes): bool {
  if (header.at(start + name.size) != EQUALS) return false;
  return memory.compare(header.ptr + start, name.ptr, name.size) == 0;
}

function trimmed(header: Bytes, start: i32, end: i32): Bytes {
  let last = end;
  while (last > start && isBlank(header.at(last - 1))) last--;
  return view(header.ptr + start, last - start);
}

function skipBlanks(header: Bytes, start: i32, end: i32): i32 {
  let at = start;
  while (at < end && isBlank(header.at(at))) at++;
  return at;
}

function isBlank(byte: u8): bool {
  return byte == 0x20 || byte == 0x09;
}
