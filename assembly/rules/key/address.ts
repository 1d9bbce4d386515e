// IP addresses, as text and as 128 bits. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is
// the IPv4 address.

import { viewOf } from "../../abi/memory";
import { Bytes } from "../../text/bytes";
import { writeDecimal } from "../../text/number";

const DOT: u8 = 0x2e;
const COLON: u8 = 0x3a;
const SLASH: u8 = 0x2f;
const PERCENT: u8 = 0x25;
const NONE: i64 = -1;
const GROUPS: i32 = 8;
/** The upper half of the lower 64 bits of `::ffff:0:0/96`. */
const MAPPED: u64 = 0xffff;

/** Size of `ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128`. */
export const MAX_ADDRESS_TEXT: i32 = 43;

/** Bits in front of an IPv4 address. */
export const IPV4_OFFSET: i32 = 96;

const groups: StaticArray<u16> = new StaticArray<u16>(GROUPS);
let groupCount: i32 = 0;

/** An address, as the 128 bits of IPv6. */
@final
export class Address {
  high: u64 = 0;
  low: u64 = 0;

  get isIpv4(): bool {
    return this.high == 0 && this.low >> 32 == MAPPED;
  }

  /**
   * Reads the text; false if it is not an address, which leaves this object undefined. No zone, no
   * port, no blanks, no leading zeros in IPv4.
   */
  read(text: Bytes): bool {
    return text.indexOf(COLON) < 0 ? this.readIpv4(text) : this.readIpv6(text);
  }

  /**
   * Reads a client's address in the same way. On a link it may have a zone, the interface on which
   * it arrived: `fe80::1%2`.
   */
  readOfClient(text: Bytes): bool {
    const zone = text.indexOf(PERCENT);
    return this.read(zone < 0 ? text : viewOf(text, 0, zone));
  }

  /** Clears all but the first `bits` of the 128. */
  mask(bits: i32): void {
    this.high &= leading(bits);
    this.low &= leading(bits - 64);
  }

  /** Sets all but the first `bits` of the 128. */
  fill(bits: i32): void {
    this.high |= ~leading(bits);
    this.low |= ~leading(bits - 64);
  }

  /**
   * Writes the text of RFC 5952, at most `MAX_ADDRESS_TEXT` bytes with a suffix of 4; returns its
   * size.
   */
  write(ptr: usize): i32 {
    if (this.isIpv4) return writeIpv4(ptr, <u32>this.low);
    for (let i = 0; i < GROUPS; i++) {
      groups[i] = <u16>((i < 4 ? this.high : this.low) >> (48 - 16 * (<u64>i & 3)));
    }
    return writeGroups(ptr);
  }

  private readIpv4(text: Bytes): bool {
    const bits = readQuads(text, 0);
    if (bits == NONE) return false;
    this.high = 0;
    this.low = (MAPPED << 32) | <u64>bits;
    return true;
  }

  private readIpv6(text: Bytes): bool {
    const gap = readGroups(text);
    if (gap == i32.MIN_VALUE || (gap < 0 ? groupCount != GROUPS : groupCount >= GROUPS)) return false;
    this.high = 0;
    this.low = 0;
    const zeros = GROUPS - groupCount;
    for (let i = 0; i < groupCount; i++) {
      const place = gap >= 0 && i >= gap ? i + zeros : i;
      const bits = (<u64>groups[i]) << (48 - 16 * (<u64>place & 3));
      if (place < 4) this.high |= bits;
      else this.low |= bits;
    }
    return true;
  }
}

function leading(bits: i32): u64 {
  if (bits <= 0) return 0;
  return bits >= 64 ? u64.MAX_VALUE : ~(u64.MAX_VALUE >> <u64>bits);
}

/** Four numbers up to 255 from `from` to the end; `NONE` for any other text. */
function readQuads(text: Bytes, from: i32): i64 {
  let bits: i64 = 0;
  let at = from;
  for (let i = 0; i < 4; i++) {
    let end = text.indexOf(DOT, at);
    if (end < 0) end = text.size;
    if (i == 3 ? end != text.size : end == text.size) return NONE;
    const value = readDecimal(text, at, end);
    if (value < 0 || value > 255) return NONE;
    bits = (bits << 8) | value;
    at = end + 1;
  }
  return bits;
}

/** One to three digits without a leading zero; -1 for anything else. */
export function readDecimal(text: Bytes, from: i32, to: i32): i32 {
  const size = to - from;
  if (size < 1 || size > 3 || (size > 1 && text.at(from) == 0x30)) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = <i32>text.at(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * Reads the groups into `groups`. Returns which of them `::` precedes, or -1 if there is no `::`;
 * for anything that is not an address the least number.
 */
function readGroups(text: Bytes): i32 {
  let gap = -1;
  let at = 0;
  groupCount = 0;
  if (text.size >= 2 && text.at(0) == COLON && text.at(1) == COLON) {
    gap = 0;
    at = 2;
  }
  while (at < text.size) {
    let end = text.indexOf(COLON, at);
    if (end < 0) end = text.size;
    if (end == text.size && text.indexOf(DOT, at) >= 0) return addQuads(text, at) ? gap : i32.MIN_VALUE;
    const value = readHex(text, at, end);
    if (value < 0 || groupCount == GROUPS) return i32.MIN_VALUE;
    groups[groupCount++] = <u16>value;
    if (end == text.size) return gap;
    at = end + 1;
    if (at == text.size) return i32.MIN_VALUE;
    if (text.at(at) != COLON) continue;
    if (gap >= 0) return i32.MIN_VALUE;
    gap = groupCount;
    at++;
  }
  return gap;
}

/** Adds an IPv4 address at the end, as two groups. */
function addQuads(text: Bytes, from: i32): bool {
  const bits = readQuads(text, from);
  if (bits == NONE || groupCount > GROUPS - 2) return false;
  groups[groupCount++] = <u16>(bits >> 16);
  groups[groupCount++] = <u16>bits;
  return true;
}

/** One to four hexadecimal digits; -1 for anything else. */
function readHex(text: Bytes, from: i32, to: i32): i32 {
  if (to == from || to - from > 4) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = text.at(i);
    const lower = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) value = (value << 4) | (byte - 0x30);
    else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57);
    else return -1;
  }
  return value;
}

function writeIpv4(ptr: usize, bits: u32): i32 {
  let size = 0;
  for (let shift = 24; shift >= 0; shift -= 8) {
    size += writeDecimal(ptr + size, (bits >> shift) & 255);
    if (shift > 0) store<u8>(ptr + size++, DOT);
  }
  return size;
}

/** Writes the groups, with `::` for the first of the longest runs of two or more zeros. */
function writeGroups(ptr: usize): i32 {
  let gap = -1;
  let gapSize = 1;
  for (let i = 0, run = 0; i < GROUPS; i++) {
    run = groups[i] == 0 ? run + 1 : 0;
    if (run <= gapSize) continue;
    gapSize = run;
    gap = i + 1 - run;
  }
  let size = 0;
  for (let i = 0; i < GROUPS; i++) {
    if (i == gap) {
      store<u8>(ptr + size++, COLON);
      i += gapSize - 1;
      if (i == GROUPS - 1) store<u8>(ptr + size++, COLON);
      continue;
    }
    if (i > 0) store<u8>(ptr + size++, COLON);
    size += writeHex(ptr + size, groups[i]);
  }
  return size;
}

function writeHex(ptr: usize, value: u32): i32 {
  let size = 0;
  for (let shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    store<u8>(ptr + size++, <u8>(digit < 10 ? 0x30 + digit : 0x57 + digit));
  }
  return size;
}

/** Writes `/` and the number of bits; returns the number of bytes. */
export function writePrefix(ptr: usize, bits: u32): i32 {
  store<u8>(ptr, SLASH);
  return 1 + writeDecimal(ptr + 1, bits);
}
