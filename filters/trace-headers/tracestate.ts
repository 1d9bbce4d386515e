// The W3C `tracestate`: a list of vendors' entries that travels with a `traceparent`, as Level 2 of
// Trace Context has it. Source: https://www.w3.org/TR/trace-context-2/#tracestate-header

import { Bytes } from "../../assembly";

const MAX_MEMBERS: i32 = 32;
const MAX_KEY: i32 = 256;
const MAX_VALUE: i32 = 256;
/** A member longer than this is dropped first when the list must become shorter. */
const LARGE_MEMBER: i32 = 128;

const TAB: u8 = 0x09;
const SPACE: u8 = 0x20;
const COMMA: u8 = 0x2c;
const EQUALS: u8 = 0x3d;
const LAST_PRINTABLE: u8 = 0x7e;

/**
 * One request's `tracestate`, in however many headers it arrived. It refers to the bytes that were
 * added, and is valid as long as they are.
 */
@final
export class Tracestate {
  private readonly starts: StaticArray<usize> = new StaticArray<usize>(MAX_MEMBERS);
  /** Sizes of the members, from key to value; 0 for a dropped member. */
  private readonly sizes: StaticArray<i32> = new StaticArray<i32>(MAX_MEMBERS);
  private readonly keySizes: StaticArray<i32> = new StaticArray<i32>(MAX_MEMBERS);
  private count: i32 = 0;
  private kept: i32 = 0;
  private keptBytes: i32 = 0;
  private invalid: bool = false;

  clear(): void {
    this.count = 0;
    this.kept = 0;
    this.keptBytes = 0;
    this.invalid = false;
  }

  /**
   * Whether every member follows the grammar and there are at most 32 of them. Empty members, and
   * those that repeat an earlier key, do not count.
   */
  get valid(): bool {
    return !this.invalid;
  }

  /** How many bytes `write` will write; 0 if no member is left. */
  get size(): i32 {
    return this.kept == 0 ? 0 : this.keptBytes + this.kept - 1;
  }

  /** Appends the members of one header. */
  add(value: Bytes): void {
    const end = value.ptr + value.size;
    let start = value.ptr;
    for (let at = start; at <= end && !this.invalid; at++) {
      if (at < end && load<u8>(at) != COMMA) continue;
      this.addMember(start, at);
      start = at + 1;
    }
  }

  /**
   * Drops members until `size` is at most `maxBytes`: first large ones, then any, each time from
   * the end.
   */
  limit(maxBytes: i32): void {
    this.dropUntil(maxBytes, LARGE_MEMBER);
    this.dropUntil(maxBytes, 0);
  }

  /** Writes the remaining members, joined by commas: `size` bytes. */
  write(to: usize): void {
    const first = to;
    for (let i = 0; i < this.count; i++) {
      const size = unchecked(this.sizes[i]);
      if (size == 0) continue;
      if (to != first) store<u8>(to++, COMMA);
      memory.copy(to, unchecked(this.starts[i]), size);
      to += size;
    }
  }

  private dropUntil(maxBytes: i32, largerThan: i32): void {
    for (let i = this.count - 1; i >= 0 && this.size > maxBytes; i--) {
      const size = unchecked(this.sizes[i]);
      if (size <= largerThan) continue;
      unchecked((this.sizes[i] = 0));
      this.kept--;
      this.keptBytes -= size;
    }
  }

  private addMember(start: usize, end: usize): void {
    while (start < end && isBlank(load<u8>(start))) start++;
    while (start < end && isBlank(load<u8>(end - 1))) end--;
    if (start == end) return;
    const size = <i32>(end - start);
    const keySize = keySizeOf(start, size);
    if (!isKey(start, keySize) || !isValue(start + keySize + 1, size - keySize - 1)) {
      this.invalid = true;
      return;
    }
    // A vendor that added an entry and did not remove its old one must not cost the others
    // anything. Its newest entry is the first.
    if (this.hasKey(start, keySize)) return;
    if (this.count == MAX_MEMBERS) {
      this.invalid = true;
      return;
    }
    const i = this.count++;
    unchecked((this.starts[i] = start));
    unchecked((this.sizes[i] = size));
    unchecked((this.keySizes[i] = keySize));
    this.kept++;
    this.keptBytes += size;
  }

  private hasKey(key: usize, size: i32): bool {
    for (let i = 0; i < this.count; i++) {
      if (unchecked(this.keySizes[i]) != size) continue;
      if (memory.compare(unchecked(this.starts[i]), key, size) == 0) return true;
    }
    return false;
  }
}

/** Bytes before the first `=`; `size` if there is none, which leaves no value. */
function keySizeOf(ptr: usize, size: i32): i32 {
  let at = 0;
  while (at < size && load<u8>(ptr + at) != EQUALS) at++;
  return at;
}

/** A letter or a digit, then letters, digits and `_-*` and `/@`, up to 256 bytes. */
function isKey(ptr: usize, size: i32): bool {
  if (size < 1 || size > MAX_KEY) return false;
  const first = load<u8>(ptr);
  if (!isLetter(first) && !isDigit(first)) return false;
  for (let i = 1; i < size; i++) {
    if (!isKeyByte(load<u8>(ptr + i))) return false;
  }
  return true;
}

/** Printable ASCII except `,` and `=`. Blanks at the end are already cut off. */
function isValue(ptr: usize, size: i32): bool {
  if (size < 1 || size > MAX_VALUE) return false;
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(ptr + i);
    if (byte < SPACE || byte > LAST_PRINTABLE || byte == EQUALS) return false;
  }
  return true;
}

function isBlank(byte: u8): bool {
  return byte == SPACE || byte == TAB;
}

function isLetter(byte: u8): bool {
  return byte >= 0x61 && byte <= 0x7a;
}

function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39;
}

function isKeyByte(byte: u8): bool {
  if (isLetter(byte) || isDigit(byte)) return true;
  // `_`, `-`, `*`, `/` and `@`.
  return byte == 0x5f || byte == 0x2d || byte == 0x2a || byte == 0x2f || byte == 0x40;
}
