// The W3C `tracestate`: a list of vendors' entries that travels with a `traceparent`, as Level 2 of
// Trace Context has it. Source: https://www.w3.org/TR/trace-context-2/#tracestate-header
//
// Level 2 lets a receiver drop a broken member or the whole list. The W3C's test suite wants the
// whole list dropped in four cases: those of `Verdict.BreaksList`, and more than `MAX_MEMBERS`
// members. In every other case only the broken member goes, so that one vendor's fault costs no
// other vendor its entry.

import { Bytes, isDigit } from "../../../assembly";

const MAX_MEMBERS: i32 = 32;
const MAX_KEY: i32 = 256;
const MAX_VALUE: i32 = 256;
/** A member longer than this is dropped first when the list must become shorter. */
const LARGE_MEMBER: i32 = 128;

const TAB: u8 = 0x09;
const SPACE: u8 = 0x20;
const COMMA: u8 = 0x2c;
const EQUALS: u8 = 0x3d;
const AT: u8 = 0x40;
const LAST_PRINTABLE: u8 = 0x7e;

/** What becomes of a member. */
enum Verdict {
  Kept,
  /** It breaks the grammar, and only it is dropped. */
  Broken,
  /** It breaks the grammar in a way for which the suite wants the whole list dropped. */
  BreaksList,
}

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
  private broken: bool = false;
  private faulty: bool = false;

  clear(): void {
    this.count = 0;
    this.kept = 0;
    this.keptBytes = 0;
    this.broken = false;
    this.faulty = false;
  }

  /**
   * Whether the list was dropped whole. Empty members, and those that repeat an earlier key, are
   * not faults and do not count among the 32.
   */
  get dropped(): bool {
    return this.broken;
  }

  /** Whether a member, or the whole list, was dropped because it is invalid. */
  get hasFault(): bool {
    return this.faulty;
  }

  /** How many bytes `write` will write; 0 if no member is left. */
  get size(): i32 {
    return this.broken || this.kept == 0 ? 0 : this.keptBytes + this.kept - 1;
  }

  /** Appends the members of one header. */
  add(value: Bytes): void {
    const end = value.ptr + value.size;
    let start = value.ptr;
    for (let at = start; at <= end && !this.broken; at++) {
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
    const verdict = judge(start, keySize, size - keySize - 1);
    if (verdict != Verdict.Kept) {
      this.faulty = true;
      if (verdict == Verdict.BreaksList) this.broken = true;
      return;
    }
    // A vendor that added an entry and did not remove its old one must not cost the others
    // anything. Its newest entry is the first.
    if (this.hasKey(start, keySize)) return;
    if (this.count == MAX_MEMBERS) {
      this.faulty = true;
      this.broken = true;
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

/** @param valueSize 0 for an empty value, -1 if there is no `=` and thus no key */
function judge(key: usize, keySize: i32, valueSize: i32): Verdict {
  if (valueSize < 0) return Verdict.Broken;
  if (valueSize == 0 || keySize > MAX_KEY || load<u8>(key) == AT) return Verdict.BreaksList;
  return isKey(key, keySize) && isValue(key + keySize + 1, valueSize) ? Verdict.Kept : Verdict.Broken;
}

/** A letter or a digit, then letters, digits and `_-*` and `/@`. */
function isKey(ptr: usize, size: i32): bool {
  if (size < 1) return false;
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

function isKeyByte(byte: u8): bool {
  if (isLetter(byte) || isDigit(byte)) return true;
  // `_`, `-`, `*`, `/` and `@`.
  return byte == 0x5f || byte == 0x2d || byte == 0x2a || byte == 0x2f || byte == 0x40;
}
