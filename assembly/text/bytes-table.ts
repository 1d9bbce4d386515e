// A fixed set of byte strings, each with a number. Built once, searched without allocation.

import { Bytes } from "./bytes";
import { hash64 } from "./hash";

/**
 * Finds the given key that equals a value. A key that is given twice has the number of its first
 * place.
 */
@final
export class BytesTable {
  /**
   * Open-addressed: the key's number + 1, or 0 for a free slot. At most half of the slots are used.
   */
  private readonly slots: StaticArray<i32>;
  private readonly mask: u32;
  /** Size of the longest key: a longer value equals none. */
  private readonly longest: i32;
  /**
   * A bit for each mark that a key has. When there are few keys, the mark alone rules out most
   * values, without hashing them.
   */
  private readonly marks: u64;

  constructor(readonly keys: StaticArray<Bytes>) {
    let capacity = 4;
    while (capacity < keys.length * 2) capacity *= 2;
    this.slots = new StaticArray<i32>(capacity);
    this.mask = capacity - 1;
    let longest = 0;
    let marks: u64 = 0;
    for (let i = 0; i < keys.length; i++) {
      longest = max(longest, keys[i].size);
      marks |= markOf(keys[i]);
    }
    this.longest = longest;
    this.marks = marks;
    for (let i = 0; i < keys.length; i++) {
      const slot = this.slotOf(keys[i]);
      if (this.slots[slot] == 0) this.slots[slot] = i + 1;
    }
  }

  /** The number, from 0, of the key that equals `value`, or -1. */
  find(value: Bytes): i32 {
    if (value.size > this.longest || (this.marks & markOf(value)) == 0) return -1;
    return unchecked(this.slots[this.slotOf(value)]) - 1;
  }

  private slotOf(value: Bytes): u32 {
    let slot = <u32>hash64(0, value.ptr, value.size) & this.mask;
    while (true) {
      const taken = unchecked(this.slots[slot]);
      if (taken == 0 || unchecked(this.keys[taken - 1]).equals(value)) return slot;
      slot = (slot + 1) & this.mask;
    }
  }
}

/** One of 64 bits, chosen by the size and the last byte. */
function markOf(value: Bytes): u64 {
  const size = value.size;
  const last: u32 = size == 0 ? 0 : value.at(size - 1);
  return (<u64>1) << ((<u32>size * 5 + last) & 63);
}
