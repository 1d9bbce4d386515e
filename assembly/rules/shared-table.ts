// A table of fixed size in shared data, so that all workers see the same: what a filter keeps for
// each of very many keys. Each bucket is a value of its own, created when its first key comes.

import { Status } from "../abi/types";
import { SharedData } from "../host/shared-data";
import { Bytes } from "../text/bytes";
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
  private readonly empty: Bytes;
  private readonly buckets: u64;

  /**
   * @param prefix two letters that tell the tables of one filter from those of others
   * @param table of `sharedKey`, with the layout of a bucket: tables with the same are one table
   * @param buckets how many, up to 64^4
   * @param size bytes of a bucket
   */
  constructor(prefix: string, table: Bytes, buckets: u32, size: i32) {
    const key = new TableKey(prefix, table);
    this.key = key;
    this.shared = new SharedData(key.key);
    this.buckets = buckets;
    this.empty = Bytes.owned(size);
    this.value.size = size;
  }

  /** Reads the bucket of that hash; an empty one if there is none yet. One host call. */
  open(hash: u64): void {
    this.index = ((hash >> 32) * this.buckets) >> 32;
    this.key.select(this.index);
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
