// Reads WebAssembly's binary form. Reading always ends, whatever the bytes are: with a value, or
// with `MalformedModule`.

import type { Feature } from "./features.js";

/**
 * The bytes are not a WebAssembly module, or not a whole one. The message says what is wrong, and
 * at which byte.
 */
export class MalformedModule extends Error {}

const UTF8 = new TextDecoder();

/** A position in a part of a module. */
export class ByteReader {
  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
    readonly end = bytes.length,
    /** The later features that what was read belongs to. */
    readonly features = new Set<Feature>(),
  ) {}

  get done(): boolean {
    return this.position >= this.end;
  }

  u8(): number {
    if (this.position >= this.end) throw this.malformed("ends too early");
    return this.bytes[this.position++] as number;
  }

  /** An unsigned number of at most 32 bits, in LEB128. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw this.malformed("has a number that is too large");
  }

  /** An unsigned number of at most 64 bits, rounded where it is above 2^53. */
  u64(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.malformed("has a number that is too long");
  }

  /** A signed number of at most 64 bits. */
  signed(): bigint {
    const start = this.position;
    this.skipNumber();
    const size = this.position - start;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) {
      value = (value << 7n) | BigInt((this.bytes[start + i] as number) & 0x7f);
    }
    return BigInt.asIntN(7 * size, value);
  }

  /** Skips a number of at most 64 bits, signed or not. */
  skipNumber(): void {
    for (let i = 0; i < 10; i++) if (this.u8() < 0x80) return;
    throw this.malformed("has a number that is too long");
  }

  skip(size: number): void {
    if (size > this.end - this.position) throw this.malformed("ends too early");
    this.position += size;
  }

  /** A text, which follows its size. Bytes that are not UTF-8 become U+FFFD. */
  name(): string {
    const size = this.u32();
    const start = this.position;
    this.skip(size);
    return UTF8.decode(this.bytes.subarray(start, start + size));
  }

  /** The next `size` bytes as a part of their own. */
  part(size: number): ByteReader {
    const start = this.position;
    this.skip(size);
    return new ByteReader(this.bytes, start, start + size, this.features);
  }

  /**
   * A list: its length, then its items, each read by `item`. A length that is too large fails at
   * the last byte.
   */
  list<T>(item: (reader: ByteReader) => T): T[] {
    const items: T[] = [];
    for (let left = this.u32(); left > 0; left--) items.push(item(this));
    return items;
  }

  malformed(what: string): MalformedModule {
    return new MalformedModule(`${what}, at byte ${this.position}`);
  }
}
