// The forms of a cookie's name, path and domain.

import { Bytes, isDigit, lowered } from "../../../assembly";
import { isHeaderName } from "../../../assembly/config";

const SLASH: u8 = 0x2f;
const SEMICOLON: u8 = 0x3b;
const SPACE: u8 = 0x20;
const DELETE: u8 = 0x7f;
const DOT: u8 = 0x2e;
const HYPHEN: u8 = 0x2d;
/** Most bytes of a part of a host's name. */
const MAX_PART: i32 = 63;

/** Whether it is a token of RFC 9110, capitals included. */
export function isCookieName(name: Bytes): bool {
  return isHeaderName(lowered(name));
}

/** Whether it begins with that text, which is in small letters. */
export function startsInAnyCase(name: Bytes, prefix: Bytes): bool {
  return lowered(name).startsWith(prefix);
}

/** Whether it is an absolute path of visible characters of ASCII without `;`. */
export function isCookiePath(path: Bytes): bool {
  if (path.size == 0 || path.at(0) != SLASH) return false;
  for (let i = 0; i < path.size; i++) {
    const byte = path.at(i);
    if (byte <= SPACE || byte >= DELETE || byte == SEMICOLON) return false;
  }
  return true;
}

/** Whether it is a host's name of letters, digits and hyphens, in lower case. */
export function isDomain(domain: Bytes): bool {
  let start = 0;
  for (let end = 0; end <= domain.size; end++) {
    if (end < domain.size && domain.at(end) != DOT) continue;
    if (!isPart(domain, start, end)) return false;
    start = end + 1;
  }
  return true;
}

function isPart(domain: Bytes, start: i32, end: i32): bool {
  if (start == end || end - start > MAX_PART) return false;
  for (let i = start; i < end; i++) {
    const byte = domain.at(i);
    const isInner = i > start && i < end - 1;
    const isLetter = byte >= 0x61 && byte <= 0x7a;
    if (!isLetter && !isDigit(byte) && !(byte == HYPHEN && isInner)) return false;
  }
  return true;
}
