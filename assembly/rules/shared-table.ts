// A table of fixed size in shared data, so that all workers see the same: what a filter keeps for
// each of very many keys. Each bucket is a value of its own, created when its first key comes.

import { Status } from "../abi/types";
import { SharedData } from "../host/shared-data";
import { Bytes } from "../text/bytes";
import { hash64 } from "../text/hash";

/**
 * The key of a bucket is two letters of the filter, 8 for the table and 4 for the bucket. It is
 * short, because a proxy keeps very many of them. The letters of the table are a hash of a longer
 * key.
 */
const PREFIX_LETTERS: i32 = 2;
const TABLE_LETTERS: i32 = 8;
const BUCKET_LETTERS: i32 = 4;
const ALPHABET = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** Opened bucket by bucket: `open`, then `bucket`, then perhaps `close`. Only one at a time. */
@final
export class SharedTable {
  /**
   * Address of the open bucket, as it was read. `close` writes what was changed there. Valid until
   * the callback ends.
   */
  bucket: usize = 0;
  /** The key of the open bucket. */
  private readonly key: Bytes;
  private readonly shared: SharedData;
  private readonly value: Bytes = new Bytes(0, 0);
  private readonly empty: Bytes;
  private readonly buckets: u64;

  /**
   * @param prefix two letters that tell the tables of one filter from those of others
   * @param table of `sharedKey`, with the layout of a bucket: tables with the same are one table
   * @param buckets how many, up to 64^4
   * @param size bytes of a bucket
   */
  constructor(prefix: string, table: Bytes, buckets: u32, size: i32) {
    const key = Bytes.owned(PREFIX_LETTERS + TABLE_LETTERS + BUCKET_LETTERS);
    this.buckets = buckets;
    this.empty = Bytes.owned(size);
    this.key = key;
    this.shared = new SharedData(key);
    memory.copy(key.ptr, Bytes.of(prefix).ptr, PREFIX_LETTERS);
    writeLetters(key.ptr + PREFIX_LETTERS, TABLE_LETTERS, hash64(0, table.ptr, table.size));
    this.value.size = size;
  }

  /** Reads the bucket of that hash; an empty one if there is none yet. One host call. */
  open(hash: u64): void {
    const index = ((hash >> 32) * this.buckets) >> 32;
    writeLetters(this.key.ptr + PREFIX_LETTERS + TABLE_LETTERS, BUCKET_LETTERS, index);
    const value = this.shared.get();
    if (value && value.size == this.empty.size) {
      this.bucket = value.ptr;
    } else {
      this.bucket = this.empty.ptr;
      memory.fill(this.bucket, 0, this.empty.size);
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
