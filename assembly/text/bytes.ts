// Text as the host has it: bytes at an address. Decisions are made on bytes, because a header may
// contain any byte, and a decoder would accept overlong UTF-8 as another text.

/**
 * A run of bytes. It is either a constant that owns its memory (`Bytes.of`), or a view of memory
 * that the host filled. A view and its bytes are valid only until the current callback ends: keep a
 * `copy()` if you need them longer.
 */
@final
export class Bytes {
  private owner: StaticArray<u8> | null = null;

  constructor(
    /** Address of the first byte. 0 when empty. */
    public ptr: usize,
    /** Number of bytes. */
    public size: i32,
  ) {}

  /** The UTF-8 bytes of `text`, in memory of their own. */
  static of(text: string): Bytes {
    const size = String.UTF8.byteLength(text);
    const bytes = Bytes.owned(size);
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes.ptr);
    return bytes;
  }

  /** `size` zero bytes in memory of their own. */
  static owned(size: i32): Bytes {
    const owner = new StaticArray<u8>(size);
    const bytes = new Bytes(changetype<usize>(owner), size);
    bytes.owner = owner;
    return bytes;
  }

  /** The same bytes in memory of their own. */
  copy(): Bytes {
    const bytes = Bytes.owned(this.size);
    memory.copy(bytes.ptr, this.ptr, this.size);
    return bytes;
  }

  /** The byte at `index`, which must be in [0, size). Not checked. */
  at(index: i32): u8 {
    return load<u8>(this.ptr + index);
  }

  equals(other: Bytes): bool {
    return this.size == other.size && memory.compare(this.ptr, other.ptr, this.size) == 0;
  }

  startsWith(prefix: Bytes): bool {
    return this.size >= prefix.size && memory.compare(this.ptr, prefix.ptr, prefix.size) == 0;
  }

  endsWith(suffix: Bytes): bool {
    const skipped = this.size - suffix.size;
    return skipped >= 0 && memory.compare(this.ptr + skipped, suffix.ptr, suffix.size) == 0;
  }

  contains(part: Bytes): bool {
    const last = this.size - part.size;
    for (let i = 0; i <= last; i++) {
      if (memory.compare(this.ptr + i, part.ptr, part.size) == 0) return true;
    }
    return false;
  }

  /** Index of the first `byte` in [from, to), or -1. `to` must be at most the size. */
  indexOf(byte: u8, from: i32 = 0, to: i32 = this.size): i32 {
    for (let i = from; i < to; i++) {
      if (this.at(i) == byte) return i;
    }
    return -1;
  }

  /** For logs only: invalid UTF-8 is not reported, so base no decision on the result. Allocates. */
  toString(): string {
    return String.UTF8.decodeUnsafe(this.ptr, this.size);
  }
}
