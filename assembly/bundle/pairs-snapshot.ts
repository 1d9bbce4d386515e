// All headers of a map as the host gave them, kept for the later filters of a bundle. Reading all
// headers costs more than anything else that a filter does on a request, so it is done once within
// a callback. Edits are noted, and made in the copy when the next filter reads it. The copy is
// dropped after an edit that Envoy extends: it joins a repeated header of some names, and stores
// others in a place of their own.

import { allocate } from "../abi/memory";
import { HeaderEdit } from "../bundle-link";
import { areSame, Bytes } from "../text/bytes";
import { HeaderPairs, WORD, writePair } from "../text/header-pairs";

const MOST_EDITS: i32 = 16;
const COLON: u8 = 0x3a;
const HOST = Bytes.of("host");

/** The headers of one map, within one callback of one stream. */
@final
export class PairsSnapshot {
  /** The scope in which it was taken, see `currentScope`; 0 if there is none. */
  private takenIn: u32 = 0;
  private encoded: Bytes = new Bytes(0, 0);
  private edits: i32 = 0;
  private readonly kinds: StaticArray<HeaderEdit> = new StaticArray<HeaderEdit>(MOST_EDITS);
  private readonly names: StaticArray<Bytes> = new StaticArray<Bytes>(MOST_EDITS);
  private readonly values: StaticArray<Bytes> = new StaticArray<Bytes>(MOST_EDITS);

  constructor() {
    for (let i = 0; i < MOST_EDITS; i++) {
      this.names[i] = new Bytes(0, 0);
      this.values[i] = new Bytes(0, 0);
    }
  }

  /** Takes what the host gave in this scope. */
  keep(encoded: Bytes, scope: u32): void {
    this.encoded.ptr = encoded.ptr;
    this.encoded.size = encoded.size;
    // Without any header even the count is missing.
    this.takenIn = encoded.size >= WORD ? scope : 0;
    this.edits = 0;
  }

  /** Forgets the headers: the map has changed. */
  drop(): void {
    this.takenIn = 0;
  }

  /**
   * The headers after every edit, or `null` if the host must be asked. Valid until the callback
   * ends.
   */
  current(scope: u32): Bytes | null {
    if (this.takenIn == 0 || this.takenIn != scope) return null;
    for (let i = 0; i < this.edits; i++) {
      if (this.apply(unchecked(this.kinds[i]), unchecked(this.names[i]), unchecked(this.values[i]))) continue;
      this.drop();
      return null;
    }
    this.edits = 0;
    return this.encoded;
  }

  /** The map was edited. `value` is ignored when a header was removed. */
  edited(kind: HeaderEdit, name: Bytes, value: Bytes): void {
    if (this.takenIn == 0) return;
    if (this.edits == MOST_EDITS) {
      this.drop();
      return;
    }
    const at = this.edits++;
    unchecked((this.kinds[at] = kind));
    keepIn(unchecked(this.names[at]), name);
    keepIn(unchecked(this.values[at]), value);
  }

  /** Makes one edit in a new copy; false if Envoy may have made a different one. */
  private apply(kind: HeaderEdit, name: Bytes, value: Bytes): bool {
    if (!isPlain(name)) return false;
    const present = this.isPresent(name);
    if (kind == HeaderEdit.Add && present) return false;
    if (present) this.leaveOut(name);
    if (kind != HeaderEdit.Remove) this.append(name, value);
    return true;
  }

  /** Compares the sizes first, so that hardly a name has to be compared. */
  private isPresent(name: Bytes): bool {
    let sizes = this.encoded.ptr + WORD;
    let data = sizes + <usize>(this.count() * 2 * WORD);
    for (let i = this.count(); i > 0; i--) {
      const size = load<i32>(sizes);
      if (size == name.size && areSame(data, name.ptr, size)) return true;
      data += size + load<i32>(sizes, WORD) + 2;
      sizes += 2 * WORD;
    }
    return false;
  }

  private count(): i32 {
    return load<i32>(this.encoded.ptr);
  }

  /** Adds a header at the end. */
  private append(name: Bytes, value: Bytes): void {
    const count = this.count();
    const sizesSize = WORD + count * 2 * WORD;
    const dataSize = this.encoded.size - sizesSize;
    const size = this.encoded.size + 2 * WORD + name.size + value.size + 2;
    const to = allocate(size);
    memory.copy(to, this.encoded.ptr, sizesSize);
    store<i32>(to, count + 1);
    const data = to + sizesSize + 2 * WORD;
    memory.copy(data, this.encoded.ptr + sizesSize, dataSize);
    writePair(to + sizesSize, data + dataSize, name, value);
    this.encoded.ptr = to;
    this.encoded.size = size;
  }

  /** Leaves out every header of that name. */
  private leaveOut(name: Bytes): void {
    let left = 0;
    let size = WORD;
    const pairs = HeaderPairs.over(this.encoded);
    while (pairs.next()) {
      if (pairs.name.equals(name)) continue;
      left++;
      size += 2 * WORD + pairs.name.size + pairs.value.size + 2;
    }
    const to = allocate(size);
    store<i32>(to, left);
    let sizes = to + WORD;
    let data = sizes + <usize>(left * 2 * WORD);
    HeaderPairs.over(this.encoded);
    while (pairs.next()) {
      if (pairs.name.equals(name)) continue;
      data = writePair(sizes, data, pairs.name, pairs.value);
      sizes += 2 * WORD;
    }
    this.encoded.ptr = to;
    this.encoded.size = size;
  }
}

/** Copies the bytes, which the caller may use for something else before they are read. */
function keepIn(kept: Bytes, bytes: Bytes): void {
  const ptr = allocate(bytes.size);
  memory.copy(ptr, bytes.ptr, bytes.size);
  kept.ptr = ptr;
  kept.size = bytes.size;
}

/**
 * Whether Envoy keeps a header of that name as it is written: the name is in lower case, and not
 * one of those that Envoy stores in a place of their own.
 */
function isPlain(name: Bytes): bool {
  if (name.size == 0 || name.at(0) == COLON || name.equals(HOST)) return false;
  for (let i = 0; i < name.size; i++) {
    const byte = name.at(i);
    if (byte >= 0x41 && byte <= 0x5a) return false;
  }
  return true;
}
