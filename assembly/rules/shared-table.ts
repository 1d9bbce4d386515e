// A table of fixed size in shared data, so that all workers see the same: what a filter keeps for
// each of very many keys. Each bucket is a value of its own, created when its first key comes.

import { Status } from "../abi/types";
import { SharedData } from "../host/shared-data";
import { Bytes } from "../text/bytes";
import { RecentBuckets } from "./recent-buckets";
import { TableKey } from "./table-key";

/** What marks a key's entry in a bucket: its hash. It is never 0, which marks a free entry. */
export function tagOf(hash: u64): u64 {
  return hash == 0 ? 1 : hash;
}

/** Opened bucket by bucket: `open`, then `bucket`, then perhaps `close`. Only one at a time. */
@final
export class SharedTable {
  /**
   * Address of the open bucket, as it was read. `close` writes what was changed there. Valid until
   * the callback ends.
   */
  bucket: usize = 0;
  /** The number of the open bucket. */
  index: u64 = 0;
  private readonly key: TableKey;
  private readonly shared: SharedData;
  private readonly value: Bytes = new Bytes(0, 0);
  /** An empty bucket, or what this VM last wrote into one. */
  private readonly own: Bytes;
  private readonly buckets: u64;
  private readonly recent: RecentBuckets | null;
  /** Whether the open bucket is what this VM last wrote. */
  private isOwn: bool = false;

  /**
   * @param prefix two letters that tell the tables of one filter from those of others
   * @param table of `sharedKey`, with the layout of a bucket: tables with the same are one table
   * @param buckets how many, up to 64^4
   * @param size bytes of a bucket
   * @param remembers whether `openOwn` is used: it takes 64 times the bytes of a bucket
   */
  constructor(prefix: string, table: Bytes, buckets: u32, size: i32, remembers: bool = false) {
    const key = new TableKey(prefix, table);
    this.key = key;
    this.shared = new SharedData(key.key);
    this.buckets = buckets;
    this.own = Bytes.owned(size);
    this.value.size = size;
    this.recent = remembers ? new RecentBuckets(size) : null;
  }

  /** Reads the bucket of that hash; an empty one if there is none yet. One host call. */
  open(hash: u64): void {
    this.select(hash);
    const value = this.shared.get();
    if (value && value.size == this.own.size) {
      this.bucket = value.ptr;
    } else {
      this.bucket = this.own.ptr;
      memory.fill(this.bucket, 0, this.own.size);
    }
  }

  /**
   * Opens the bucket of that hash with what this VM last wrote there, if it still knows that. Makes
   * no host call. Another VM may have written it since, and then `close` gives `CasMismatch`. So
   * believe what is in the bucket only once `close` has succeeded; in each other case `open` it.
   */
  openOwn(hash: u64): bool {
    const recent = this.recent;
    this.select(hash);
    if (!recent || !recent.has(this.index)) return false;
    this.bucket = this.own.ptr;
    this.shared.expect(recent.copyTo(this.bucket, this.index));
    this.isOwn = true;
    return true;
  }

  /**
   * Writes the open bucket, unless another worker has changed it since: `CasMismatch`. One host
   * call.
   */
  close(): Status {
    this.value.ptr = this.bucket;
    const status = this.shared.compareAndSet(this.value);
    const recent = this.recent;
    if (recent) this.learn(recent, status);
    return status;
  }

  private select(hash: u64): void {
    this.isOwn = false;
    this.index = ((hash >> 32) * this.buckets) >> 32;
    this.key.select(this.index);
  }

  private learn(recent: RecentBuckets, status: Status): void {
    if (status == Status.Ok) {
      if (this.isOwn) recent.succeeded();
      const number = this.shared.lastWritten;
      if (number != 0) recent.keep(this.index, this.bucket, number);
    } else if (this.isOwn) {
      recent.failed(this.index);
    }
    this.isOwn = false;
  }
}
