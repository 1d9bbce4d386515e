// Protocol buffers, as far as the host's foreign functions and the gRPC calls of filters need them.
// Source: https://protobuf.dev/programming-guides/encoding/

import { Bytes } from "./bytes";

/** How a field's value is written. */
enum WireType {
  Varint = 0,
  Fixed64 = 1,
  Sized = 2,
  Fixed32 = 5,
}

/** The longest varint: ten groups of seven bits. */
const MAX_VARINT: i32 = 10;

/** Writes one message. A field that has its default value may be left out. */
@final
export class ProtobufWriter {
  private buffer: Bytes = Bytes.owned(64);
  private size: i32 = 0;

  /** An integer, an enum's number, or a bool as 0 or 1. */
  integer(field: u32, value: u64): void {
    this.varint((field << 3) | WireType.Varint);
    this.varint(value);
  }

  /** A string, bytes, or a message that another writer made. */
  bytes(field: u32, value: Bytes): void {
    this.varint((field << 3) | WireType.Sized);
    this.varint(value.size);
    this.reserve(value.size);
    memory.copy(this.buffer.ptr + this.size, value.ptr, value.size);
    this.size += value.size;
  }

  /** The message, in the writer's own memory: valid until the writer writes again or is cleared. */
  finish(): Bytes {
    this.finished.ptr = this.buffer.ptr;
    this.finished.size = this.size;
    return this.finished;
  }

  /** Begins a new message in the same memory. */
  clear(): void {
    this.size = 0;
  }

  private readonly finished: Bytes = new Bytes(0, 0);

  private varint(value: u64): void {
    this.reserve(MAX_VARINT);
    let left = value;
    while (left >= 0x80) {
      store<u8>(this.buffer.ptr + this.size++, <u8>left | 0x80);
      left >>= 7;
    }
    store<u8>(this.buffer.ptr + this.size++, <u8>left);
  }

  private reserve(more: i32): void {
    const needed = this.size + more;
    if (needed <= this.buffer.size) return;
    const larger = Bytes.owned(max(needed, this.buffer.size * 2));
    memory.copy(larger.ptr, this.buffer.ptr, this.size);
    this.buffer = larger;
  }
}

/**
 * Walks the fields of a message: `while (reader.next())`, then `field` and `integer` or `bytes`.
 * Bytes that are not a message end the walk.
 */
@final
export class ProtobufReader {
  field: u32 = 0;
  /** An integer's value; 0 for a string. */
  integer: u64 = 0;
  /** A string's or a message's bytes, a view of the message; empty for an integer. */
  readonly bytes: Bytes = new Bytes(0, 0);
  /** Whether the walk has met bytes that are not a message. */
  failed: bool = false;
  private at: usize = 0;
  private end: usize = 0;

  constructor(message: Bytes) {
    this.begin(message);
  }

  /** Begins another message, so that one reader serves for many. */
  begin(message: Bytes): void {
    this.at = message.ptr;
    this.end = message.ptr + message.size;
    this.failed = false;
  }

  /** Steps to the next field; false after the last one, and if the encoding is broken. */
  next(): bool {
    if (this.failed || this.at == this.end) return false;
    const tag = this.varint();
    this.field = <u32>(tag >> 3);
    this.integer = 0;
    this.bytes.size = 0;
    const known = this.value(<WireType>(<i32>tag & 7));
    if (!known) this.failed = true;
    return !this.failed;
  }

  private value(type: WireType): bool {
    if (type == WireType.Varint) this.integer = this.varint();
    else if (type == WireType.Sized) return this.take(this.varint());
    else if (type == WireType.Fixed64) return this.fixed(8);
    else if (type == WireType.Fixed32) return this.fixed(4);
    else return false;
    return true;
  }

  private fixed(size: i32): bool {
    if (!this.take(size)) return false;
    this.integer = size == 8 ? load<u64>(this.bytes.ptr) : load<u32>(this.bytes.ptr);
    this.bytes.size = 0;
    return true;
  }

  private take(size: u64): bool {
    if (size > <u64>(this.end - this.at)) return false;
    this.bytes.ptr = this.at;
    this.bytes.size = <i32>size;
    this.at += <usize>size;
    return true;
  }

  private varint(): u64 {
    let value: u64 = 0;
    for (let i = 0; i < MAX_VARINT && this.at < this.end; i++) {
      const byte = load<u8>(this.at++);
      value |= (<u64>(byte & 0x7f)) << (7 * i);
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }
}
