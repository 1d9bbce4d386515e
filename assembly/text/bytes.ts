// Text as the host has it: bytes at an address. Decisions are made on bytes, because a header may
// contain any byte, and a decoder would accept overlong UTF-8 as another text.

/**
 * Whether the `size` bytes at both addresses are the same. `memory.compare` also says which are
 * less, and for that goes byte by byte where the addresses are not aligned alike.
 */
export function areSame(one: usize, other: usize, size: i32): bool {
  const end = one + size;
  for (; one + 8 <= end; one += 8, other += 8) {
    if (load<u64>(one) != load<u64>(other)) return false;
  }
  if (one + 4 <= end) {
    if (load<u32>(one) != load<u32>(other)) return false;
    one += 4;
    other += 4;
  }
  for (; one < end; one++, other++) {
    if (load<u8>(one) != load<u8>(other)) return false;
  }
  return true;
}

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
    return this.size == other.size && areSame(this.ptr, other.ptr, this.size);
  }

  startsWith(prefix: Bytes): bool {
    return this.size >= prefix.size && areSame(this.ptr, prefix.ptr, prefix.size);
  }

  endsWith(suffix: Bytes): bool {
    const skipped = this.size - suffix.size;
    return skipped >= 0 && areSame(this.ptr + skipped, suffix.ptr, suffix.size);
  }

  contains(part: Bytes): bool {
    const last = this.size - part.size;
    for (let i = 0; i <= last; i++) {
      if (areSame(this.ptr + i, part.ptr, part.size)) return true;
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
