// Reading the cookies of a `cookie` header. Source: RFC 6265, sections 4.1.1 and 4.2.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { NamedValues } from "./named-values";

const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const QUOTE: u8 = 0x22;

/**
 * The current name, reused: a new view for each of ten thousand cookies would stay in the module's
 * memory.
 */
const current: Bytes = new Bytes(0, 0);

/**
 * Puts the requested cookies into `found`, without the pair of quotes that a value may stand in.
 * Blanks around names and values do not count. The views are valid until the callback ends.
 */
export function readCookies(header: Bytes, found: NamedValues): void {
  for (let start = 0; start < header.size; ) {
    let end = header.indexOf(SEMICOLON, start);
    if (end < 0) end = header.size;
    const nameStart = skipBlanks(header, start, end);
    const nameEnd = header.indexOf(EQUALS, nameStart, end);
    start = end + 1;
    if (nameEnd < 0) continue;
    current.ptr = header.ptr + nameStart;
    current.size = skipBlanksBack(header, nameStart, nameEnd) - nameStart;
    const slot = found.wanted(current);
    if (slot >= 0) found.set(slot, valueIn(header, nameEnd + 1, end));
  }
}

function valueIn(header: Bytes, from: i32, to: i32): Bytes {
  let start = skipBlanks(header, from, to);
  let end = skipBlanksBack(header, start, to);
  if (end - start >= 2 && header.at(start) == QUOTE && header.at(end - 1) == QUOTE) {
    start++;
    end--;
  }
  return view(header.ptr + start, end - start);
}

/** Where the text in [start, end) ends without the blanks behind it. */
function skipBlanksBack(header: Bytes, start: i32, end: i32): i32 {
  let last = end;
  while (last > start && isBlank(header.at(last - 1))) last--;
  return last;
}

function skipBlanks(header: Bytes, start: i32, end: i32): i32 {
  let at = start;
  while (at < end && isBlank(header.at(at))) at++;
  return at;
}

function isBlank(byte: u8): bool {
  return byte == 0x20 || byte == 0x09;
}
