// Text that is built piece by piece, such as a header's value, in memory that is reused.

import { Bytes } from "./bytes";
import { MAX_DECIMAL_SIZE, writeDecimal } from "./number";

const FIRST_ROOM: i32 = 256;

/**
 * One text after another. Its memory is allocated with the first piece, grows with the longest
 * text, and is kept.
 */
@final
export class TextBuffer {
  private room: Bytes = new Bytes(0, 0);
  private readonly shown: Bytes = new Bytes(0, 0);
  private used: i32 = 0;

  get size(): i32 {
    return this.used;
  }

  clear(): void {
    this.used = 0;
  }

  add(text: Bytes): void {
    this.reserve(text.size);
    memory.copy(this.room.ptr + this.used, text.ptr, text.size);
    this.used += text.size;
  }

  /** Adds the number as decimal digits. */
  addNumber(value: u64): void {
    this.reserve(MAX_DECIMAL_SIZE);
    this.used += writeDecimal(this.room.ptr + this.used, value);
  }

  /** What was added since `clear`; valid until more is added. */
  text(): Bytes {
    this.shown.ptr = this.room.ptr;
    this.shown.size = this.used;
    return this.shown;
  }

  private reserve(more: i32): void {
    const needed = this.used + more;
    if (needed <= this.room.size) return;
    const larger = Bytes.owned(max(needed, max(FIRST_ROOM, 2 * this.room.size)));
    memory.copy(larger.ptr, this.room.ptr, this.used);
    this.room = larger;
  }
}
