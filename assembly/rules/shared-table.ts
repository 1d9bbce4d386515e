// A table of fixed size in shared data, so that all workers see the same: what a filter keeps for
// each of very many keys. Each bucket is a value of its own, created when its first key comes.

import { Status } from "../abi/types";
import { SharedData } from "../host/shared-data";
import { Bytes } from "../text/bytes";
import { TableKey } from "./table-key";
import { WrittenBuckets } from "./written-buckets";

/** What marks a key's entry in a bucket: its hash. It is never 0, which marks a free entry. */
export function tagOf(hash: u64): u64 {
  return hash == 0 ? 1 : hash;
}

/** Which of its buckets a VM keeps as it has written them, for `openToWrite`. */
export enum Kept {
  None,
  /** Those that it has written more than once of late. */
  Busy,
  /** Every one, for tables in which a bucket that is written is soon written again. */
  Latest,
}

/**
 * Opened bucket by bucket: `open` or `openToWrite`, then `bucket`, then perhaps `close`. Only one
 * at a time.
 */
@final
export class SharedTable {
  /**
   * Address of the open bucket, as it was read. `close` writes what was changed there. Valid until
   * the callback ends.
   */
  bucket: usize = 0;
  /** The number of the open bucket. */
  index: u64 = 0;
  /**
   * Whether the open bucket is what this VM has written last, and not what the host has now. A
   * decision on it holds only once `close` has written it.
   */
  isKept: bool = false;
  private readonly key: TableKey;
  private readonly shared: SharedData;
  private readonly value: Bytes = new Bytes(0, 0);
  private readonly empty: Bytes;
  private readonly buckets: u64;
  private readonly written: WrittenBuckets | null;
  /** Whether the open bucket may be kept. */
  private opensToWrite: bool = false;

  /**
   * @param prefix two letters that tell the tables of one filter from those of others
   * @param table of `sharedKey`, with the layout of a bucket: tables with the same are one table
   * @param buckets how many, up to 64^4
   * @param size bytes of a bucket
   */
  constructor(prefix: string, table: Bytes, buckets: u32, size: i32, kept: Kept = Kept.None) {
    const key = new TableKey(prefix, table);
    this.key = key;
    this.shared = new SharedData(key.key);
    this.buckets = buckets;
    this.empty = Bytes.owned(size);
    this.value.size = size;
    this.written = kept == Kept.None ? null : new WrittenBuckets(size, kept == Kept.Latest);
  }

  /** Reads the bucket of that hash; an empty one if there is none yet. One host call. */
  open(hash: u64): void {
    this.select(hash);
    this.opensToWrite = false;
    this.read();
  }

  /**
   * As `open`, for a bucket that is likely to be changed: it makes no host call if the VM has kept
   * what it wrote. If that is out of date, `close` returns `CasMismatch`, and the next
   * `openToWrite` reads the bucket.
   */
  openToWrite(hash: u64): void {
    this.select(hash);
    const written = this.written;
    this.opensToWrite = written != null;
    const number = written ? written.take(this.index) : 0;
    if (!written || number == 0) {
      this.read();
      return;
    }
    this.isKept = true;
    this.bucket = written.bucket;
    this.shared.resume(number);
  }

  private select(hash: u64): void {
    this.index = ((hash >> 32) * this.buckets) >> 32;
    this.key.select(this.index);
  }

  private read(): void {
    this.isKept = false;
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
   * call, and two more after `openToWrite` if other VMs write shared data too.
   */
  close(): Status {
    this.value.ptr = this.bucket;
    const written = this.written;
    if (!written) return this.shared.compareAndSet(this.value);
    if (!this.opensToWrite) {
      written.take(this.index);
      return this.shared.compareAndSet(this.value);
    }
    written.prepare();
    const status = this.shared.compareAndSet(this.value);
    if (status == Status.Ok) written.keep(this.bucket, this.shared.written);
    else written.lose();
    return status;
  }
}
