// The ABI's encoding of a whole header map: a count, the sizes of every name and value, then each
// name and value followed by a NUL.

import { Bytes } from "./bytes";

/** Bytes of a size, and of the count before all sizes. */
export const WORD: i32 = 4;

/**
 * Walks the encoding without copying: `while (pairs.next())`, then `name` and `value`. The encoding
 * comes from the host; a size that would lead outside it ends the walk.
 */
@final
export class HeaderPairs {
  private static readonly shared: HeaderPairs = new HeaderPairs();

  readonly name: Bytes = new Bytes(0, 0);
  readonly value: Bytes = new Bytes(0, 0);
  private sizes: usize = 0;
  private data: usize = 0;
  private end: usize = 0;
  private left: u32 = 0;

  /** The one walker, set to the start of `encoded`. */
  static over(encoded: Bytes): HeaderPairs {
    const pairs = HeaderPairs.shared;
    const mostPairs: u32 = max(0, encoded.size - WORD) / (2 * WORD);
    const count: u32 = mostPairs == 0 ? 0 : load<u32>(encoded.ptr);
    pairs.left = count <= mostPairs ? count : 0;
    pairs.sizes = encoded.ptr + WORD;
    pairs.data = pairs.sizes + <usize>pairs.left * 2 * WORD;
    pairs.end = encoded.ptr + encoded.size;
    return pairs;
  }

  /** Steps to the next header; false after the last. */
  next(): bool {
    if (this.left == 0) return false;
    const sizes = this.sizes;
    const data = this.data;
    const nameSize = load<u32>(sizes);
    const valueSize = load<u32>(sizes, WORD);
    // Each has a NUL behind it. The sum does not overflow.
    if (<u64>nameSize + valueSize + 2 > <u64>(this.end - data)) {
      this.left = 0;
      return false;
    }
    this.left--;
    this.sizes = sizes + 2 * WORD;
    this.name.ptr = data;
    this.name.size = nameSize;
    const value = data + nameSize + 1;
    this.value.ptr = value;
    this.value.size = valueSize;
    this.data = value + valueSize + 1;
    return true;
  }
}

/**
 * Encodes names and values, `[name, value, name, value, …]`, for a host call that takes a header
 * map.
 */
export function encodePairs(namesAndValues: StaticArray<Bytes>): Bytes {
  const count = namesAndValues.length >> 1;
  let size = WORD + count * 2 * WORD;
  for (let i = 0; i < count * 2; i++) size += namesAndValues[i].size + 1;
  const encoded = Bytes.owned(size);
  store<i32>(encoded.ptr, count);
  let sizes = encoded.ptr + WORD;
  let data = sizes + count * 2 * WORD;
  for (let i = 0; i < count; i++) {
    data = writePair(sizes, data, namesAndValues[2 * i], namesAndValues[2 * i + 1]);
    sizes += 2 * WORD;
  }
  return encoded;
}

/** A header map that is put together anew for each host call, without garbage. */
@final
export class PairsBuilder {
  /** Names and values; those of longer maps before this one are kept. */
  private readonly items: Array<Bytes> = [];
  private used: i32 = 0;
  private bytes: i32 = WORD;

  clear(): void {
    this.used = 0;
    this.bytes = WORD;
  }

  /** Adds a header. Name and value must stay as they are until `write`. */
  add(name: Bytes, value: Bytes): void {
    this.put(name);
    this.put(value);
  }

  /** How many headers there are. */
  get count(): i32 {
    return this.used >> 1;
  }

  /** Bytes of the encoding. */
  get size(): i32 {
    return this.bytes;
  }

  /** Writes the encoding: `size` bytes. */
  write(to: usize): void {
    store<i32>(to, this.count);
    let sizes = to + WORD;
    let data = sizes + this.count * 2 * WORD;
    for (let i = 0; i < this.used; i += 2) {
      data = writePair(sizes, data, unchecked(this.items[i]), unchecked(this.items[i + 1]));
      sizes += 2 * WORD;
    }
  }

  private put(text: Bytes): void {
    if (this.used == this.items.length) this.items.push(text);
    else unchecked((this.items[this.used] = text));
    this.used++;
    this.bytes += WORD + text.size + 1;
  }
}

/**
 * Writes one header's sizes to `sizes` and its text to `data`, and returns where the next one's
 * text goes.
 */
export function writePair(sizes: usize, data: usize, name: Bytes, value: Bytes): usize {
  store<i32>(sizes, name.size);
  store<i32>(sizes, value.size, WORD);
  memory.copy(data, name.ptr, name.size);
  data += name.size;
  store<u8>(data++, 0);
  memory.copy(data, value.ptr, value.size);
  data += value.size;
  store<u8>(data++, 0);
  return data;
}
