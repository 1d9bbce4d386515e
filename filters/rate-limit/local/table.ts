// The keys of one limit and their moments, in shared data, so that all workers see the same: a
// fixed number of buckets. Each is a value of its own, created when its first key comes.

import { Bytes, SharedData, Status, sharedKey } from "../../../assembly";
import { hash64 } from "../../../assembly/rules";
import { BUCKET_SIZE } from "./bucket";

/**
 * Layout of a bucket, and of how a key's bucket and tag are computed: raise it with any change of
 * what `bucket.ts` writes, of `Gcra`'s ticks, or of the bytes that a part of a key has.
 */
const LAYOUT: u32 = 2;

/**
 * Entries for each key that may be active at once. With this many, about five of 100,000 keys find
 * their bucket full.
 */
const ENTRIES_PER_KEY: f64 = 2.6;
const ENTRIES_PER_BUCKET: f64 = 16;

/**
 * The key of a bucket is `rl`, 8 letters for the table and 4 for the bucket. It is short, because a
 * proxy keeps very many of them. The letters of the table are a hash of the key that `sharedKey`
 * makes from its layout and names.
 */
const PREFIX = Bytes.of("rl");
const TABLE_LETTERS: i32 = 8;
const BUCKET_LETTERS: i32 = 4;
const ALPHABET = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** How many buckets a table for that many keys has: at most 1,625,000. */
function bucketsFor(keys: u32): u32 {
  return <u32>Math.ceil((<f64>keys * ENTRIES_PER_KEY) / ENTRIES_PER_BUCKET);
}

/** Opened bucket by bucket: `open`, then `bucket`, then perhaps `close`. Only one at a time. */
@final
export class Table {
  /**
   * Address of the open bucket, as it was read. `close` writes what was changed there. Valid until
   * the callback ends.
   */
  bucket: usize = 0;
  /** The key of the open bucket. */
  private readonly key: Bytes;
  private readonly shared: SharedData;
  private readonly value: Bytes = new Bytes(0, 0);
  private readonly empty: Bytes = Bytes.owned(BUCKET_SIZE);
  private readonly buckets: u64;

  /**
   * @param names tables with the same names are one table
   * @param keys that may be active at once, up to ten million
   */
  constructor(names: StaticArray<Bytes>, keys: u32) {
    const table = sharedKey("rate-limit", "table", LAYOUT, names);
    const key = Bytes.owned(PREFIX.size + TABLE_LETTERS + BUCKET_LETTERS);
    this.buckets = bucketsFor(keys);
    this.key = key;
    this.shared = new SharedData(key);
    memory.copy(key.ptr, PREFIX.ptr, PREFIX.size);
    writeLetters(key.ptr + PREFIX.size, TABLE_LETTERS, hash64(0, table.ptr, table.size));
    this.value.size = BUCKET_SIZE;
  }

  /** Reads the bucket of that hash; an empty one if there is none yet. One host call. */
  open(hash: u64): void {
    const index = ((hash >> 32) * this.buckets) >> 32;
    writeLetters(this.key.ptr + PREFIX.size + TABLE_LETTERS, BUCKET_LETTERS, index);
    const value = this.shared.get();
    if (value && value.size == BUCKET_SIZE) {
      this.bucket = value.ptr;
    } else {
      this.bucket = this.empty.ptr;
      memory.fill(this.bucket, 0, BUCKET_SIZE);
    }
  }

  /**
   * Writes the open bucket, unless another worker has changed it since: `CasMismatch`. One host
   * call.
   */
  close(): Status {
    this.value.ptr = this.bucket;
    return this.shared.compareAndSet(this.value);
  }
}

/** Six bits a letter. */
function writeLetters(ptr: usize, count: i32, bits: u64): void {
  for (let i = 0; i < count; i++) store<u8>(ptr + i, ALPHABET.at(<i32>(bits >> (6 * i)) & 63));
}
