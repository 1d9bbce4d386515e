// A kept answer as bytes: what shared data has of it, and what a worker collects while a response
// passes: what describes it, its headers, the whole key, its body. The key is compared before the
// answer is used, so that nobody gets the answer to another key.

import { Bytes, PairsBuilder, viewOf } from "../../assembly";

/** Layout of these bytes: raise it with any change of what a byte means. */
export const ANSWER_LAYOUT: u32 = 1;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/** Most bytes of the key, and of the headers with their sizes. */
export const MAX_KEY_SIZE: i32 = 4096;
export const MAX_HEADERS_SIZE: i32 = 8192;
/** Most headers. */
const MAX_HEADERS: i32 = 128;

/** Bytes before the headers. */
const HEAD_SIZE: i32 = 48;
/** Two sizes before each header. */
const PAIR_HEAD: i32 = 8;

/** What describes an answer. */
@unmanaged
class Head {
  /** When the headers of the answer arrived, on the monotonic clock. */
  arrivedAt: u64 = 0;
  /** How old it was then, and the ages up to which it may be used, all in seconds. */
  age: u32 = 0;
  lifetime: u32 = 0;
  usableOnError: u32 = 0;
  usableMeanwhile: u32 = 0;
  status: u32 = 0;
  headers: u32 = 0;
  keySize: u32 = 0;
  headersSize: u32 = 0;
  bodySize: u32 = 0;
  reserved: u32 = 0;
}

/** A kept answer. */
@final
export class Answer {
  private bytes: Bytes = new Bytes(0, 0);

  /**
   * Sees the bytes as an answer to that key. Valid until the callback ends.
   * @returns false if they are none, or one to another key
   */
  read(bytes: Bytes, key: Bytes): bool {
    if (bytes.size < HEAD_SIZE) return false;
    const head = changetype<Head>(bytes.ptr);
    const whole: u64 = <u64>HEAD_SIZE + head.keySize + head.headersSize + head.bodySize;
    if (whole != bytes.size || head.keySize != key.size) return false;
    if (memory.compare(bytes.ptr + HEAD_SIZE + head.headersSize, key.ptr, key.size) != 0) return false;
    this.bytes = bytes;
    return true;
  }

  private get head(): Head {
    return changetype<Head>(this.bytes.ptr);
  }

  get status(): u32 {
    return this.head.status;
  }

  /** How old it is, in seconds, by RFC 9111, section 4.2.3. */
  ageAt(now: u64): i64 {
    const head = this.head;
    const resident = now > head.arrivedAt ? (now - head.arrivedAt) / NANOSECONDS_PER_SECOND : 0;
    return <i64>head.age + <i64>resident;
  }

  /** The age from which it is stale. */
  get lifetime(): i64 {
    return <i64>this.head.lifetime;
  }

  /** The age from which it must not be served in place of a failure. */
  get usableOnError(): i64 {
    return <i64>this.head.usableOnError;
  }

  /** The age from which it must not be served while somebody asks for a newer one. */
  get usableMeanwhile(): i64 {
    return <i64>this.head.usableMeanwhile;
  }

  /** Adds its headers; the views are valid until the callback ends. */
  addHeadersTo(pairs: PairsBuilder): void {
    const bytes = this.bytes;
    let at = HEAD_SIZE;
    for (let i: u32 = 0; i < this.head.headers; i++) {
      const nameSize = load<i32>(bytes.ptr + at);
      const valueSize = load<i32>(bytes.ptr + at, 4);
      const name = at + PAIR_HEAD;
      pairs.add(viewOf(bytes, name, nameSize), viewOf(bytes, name + nameSize, valueSize));
      at = name + nameSize + valueSize;
    }
  }

  get body(): Bytes {
    const head = this.head;
    const start = HEAD_SIZE + head.keySize + head.headersSize;
    return viewOf(this.bytes, <i32>start, <i32>head.bodySize);
  }
}

/** Collects one answer after another, each while its response passes. */
@final
export class Collector {
  /** The next one that is free. */
  next: Collector | null = null;
  private readonly room: Bytes;
  private readonly whole: Bytes = new Bytes(0, 0);
  private used: i32 = 0;

  private limit: i32 = 0;

  /** @param maxBody most bytes of any body */
  constructor(maxBody: i32) {
    this.room = Bytes.owned(HEAD_SIZE + MAX_KEY_SIZE + MAX_HEADERS_SIZE + maxBody);
  }

  private get head(): Head {
    return changetype<Head>(this.room.ptr);
  }

  /** @param limit most bytes of the body, `maxBody` or less */
  begin(limit: i32): void {
    this.limit = limit;
    memory.fill(this.room.ptr, 0, HEAD_SIZE);
    this.used = HEAD_SIZE;
  }

  /** Adds a header; false if there is no room. Call it before `addKey`. */
  addHeader(name: Bytes, value: Bytes): bool {
    const head = this.head;
    const size = <u64>head.headersSize + PAIR_HEAD + name.size + value.size;
    if (size > <u64>MAX_HEADERS_SIZE || head.headers == MAX_HEADERS) return false;
    head.headersSize = <u32>size;
    head.headers++;
    const to = this.room.ptr + this.used;
    store<i32>(to, name.size);
    store<i32>(to, value.size, 4);
    this.used += PAIR_HEAD;
    this.append(name);
    this.append(value);
    return true;
  }

  /** Adds the key, behind all headers. It has at most `MAX_KEY_SIZE` bytes. */
  addKey(key: Bytes): void {
    this.head.keySize = key.size;
    this.append(key);
  }

  /** Sets what describes the answer; ages are in seconds. */
  describe(
    status: u32,
    arrivedAt: u64,
    age: i64,
    lifetime: i64,
    usableOnError: i64,
    usableMeanwhile: i64,
  ): void {
    const head = this.head;
    head.status = status;
    head.arrivedAt = arrivedAt;
    head.age = <u32>age;
    head.lifetime = <u32>lifetime;
    head.usableOnError = <u32>usableOnError;
    head.usableMeanwhile = <u32>usableMeanwhile;
  }

  /** Adds a piece of the body; false if it is too long. */
  addBody(piece: Bytes): bool {
    const head = this.head;
    if (<u64>head.bodySize + piece.size > <u64>this.limit) return false;
    head.bodySize += piece.size;
    this.append(piece);
    return true;
  }

  get bodySize(): i64 {
    return <i64>this.head.bodySize;
  }

  /** The answer's bytes; valid until the next `begin`. */
  bytes(): Bytes {
    this.whole.ptr = this.room.ptr;
    this.whole.size = this.used;
    return this.whole;
  }

  private append(text: Bytes): void {
    memory.copy(this.room.ptr + this.used, text.ptr, text.size);
    this.used += text.size;
  }
}
