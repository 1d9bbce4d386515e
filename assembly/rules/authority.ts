// One spelling for each host. A client may write the host of its request in capitals, with a port,
// with the root's dot behind it, or with a user before it: Envoy's domains take `Shop.Example:80`
// and `shop.example.` for one host where the listener strips ports and dots, and so do servers.
// Sources: RFC 9110, sections 4.2.3 and 7.2; RFC 3986, sections 3.2 and 6.2.

import { scratch, viewOf } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { lower } from "../text/letter-case";
import { isDigit } from "../text/number";

const COLON: u8 = 0x3a;
const DOT: u8 = 0x2e;
const AT: u8 = 0x40;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;

/**
 * The host and the port, if there is one, without the user, the dot of the root and an empty port,
 * in lower case. Returns the value itself where nothing is to change; else the bytes are valid
 * until the callback ends.
 */
export function foldAuthority(value: Bytes): Bytes {
  const start = lastIndexOf(value, AT) + 1;
  const port = portStart(value);
  let hostEnd = port < 0 ? value.size : port - 1;
  let end = value.size;
  if (port == value.size) end = hostEnd;
  const hasDot = hostEnd > start + 1 && value.at(hostEnd - 1) == DOT;
  if (!hasDot && !hasCapital(value, start, end)) {
    return start == 0 && end == value.size ? value : viewOf(value, start, end - start);
  }
  if (hasDot) hostEnd--;
  const skipped = hasDot ? 1 : 0;
  const folded = scratch(max(0, end - start - skipped));
  for (let i = 0; i < folded.size; i++) {
    const from = start + i;
    store<u8>(folded.ptr + i, lower(value.at(from < hostEnd ? from : from + skipped)));
  }
  return folded;
}

/** A folded authority without its port: the same bytes, or a view of them. */
export function hostOf(folded: Bytes): Bytes {
  const port = portStart(folded);
  return port < 0 ? folded : viewOf(folded, 0, port - 1);
}

/**
 * Whether the text, which may be a part of an authority, ends in a port. `[2001:db8::1` has none:
 * it ends within an address.
 */
export function hasPort(text: Bytes): bool {
  const port = portStart(text);
  return port >= 0 && port < text.size;
}

/** A copy of the text, which owns its memory, in lower case. */
export function inLowerCase(text: Bytes): Bytes {
  const copy = text.copy();
  for (let i = 0; i < copy.size; i++) store<u8>(copy.ptr + i, lower(copy.at(i)));
  return copy;
}

/**
 * Where the digits of the port begin, which may be none; -1 if there is no port. Without brackets
 * an IPv6 address has several colons, of which none stands before a port.
 */
function portStart(value: Bytes): i32 {
  let at = value.size;
  while (at > 0 && isDigit(value.at(at - 1))) at--;
  if (at == 0 || value.at(at - 1) != COLON) return -1;
  const closing = lastIndexOf(value, CLOSING_BRACKET);
  if (lastIndexOf(value, OPENING_BRACKET) > closing) return -1;
  const hostStart = max(closing, lastIndexOf(value, AT)) + 1;
  return value.indexOf(COLON, hostStart) == at - 1 ? at : -1;
}

function lastIndexOf(value: Bytes, byte: u8): i32 {
  let at = value.size - 1;
  while (at >= 0 && value.at(at) != byte) at--;
  return at;
}

function hasCapital(value: Bytes, start: i32, end: i32): bool {
  for (let at = start; at < end; at++) if (lower(value.at(at)) != value.at(at)) return true;
  return false;
}
