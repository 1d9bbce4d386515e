// Reading the cookies of a `cookie` header. Source: RFC 6265, sections 4.1.1 and 4.2.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { NamedValues } from "./named-values";

const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const QUOTE: u8 = 0x22;
const NOTHING = new Bytes(0, 0);

/** The cookies of one header after another, in their order. Allocates nothing. */
@final
export class CookieWalk {
  /** The current cookie. A value is without the pair of quotes that it may stand in. */
  readonly name: Bytes = new Bytes(0, 0);
  readonly value: Bytes = new Bytes(0, 0);

  private header: Bytes = NOTHING;
  private at: i32 = 0;

  begin(header: Bytes): void {
    this.header = header;
    this.at = 0;
  }

  /** Goes to the next cookie; false after the last one. */
  next(): bool {
    const header = this.header;
    while (this.at < header.size) {
      const start = this.at;
      let end = header.indexOf(SEMICOLON, start);
      if (end < 0) end = header.size;
      this.at = end + 1;
      const nameStart = skipBlanks(header, start, end);
      const nameEnd = header.indexOf(EQUALS, nameStart, end);
      if (nameEnd < 0) continue;
      this.name.ptr = header.ptr + nameStart;
      this.name.size = skipBlanksBack(header, nameStart, nameEnd) - nameStart;
      this.findValue(nameEnd + 1, end);
      return true;
    }
    return false;
  }

  private findValue(from: i32, to: i32): void {
    const header = this.header;
    let start = skipBlanks(header, from, to);
    let end = skipBlanksBack(header, start, to);
    if (end - start >= 2 && header.at(start) == QUOTE && header.at(end - 1) == QUOTE) {
      start++;
      end--;
    }
    this.value.ptr = header.ptr + start;
    this.value.size = end - start;
  }
}

const walk = new CookieWalk();

/**
 * Puts the requested cookies into `found`. Blanks around names and values do not count. The views
 * are valid until the callback ends.
 */
export function readCookies(header: Bytes, found: NamedValues): void {
  walk.begin(header);
  while (walk.next()) {
    const slot = found.wanted(walk.name);
    if (slot >= 0) found.set(slot, view(walk.value.ptr, walk.value.size));
  }
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
