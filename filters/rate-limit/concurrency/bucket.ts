// One bucket of the table of requests in flight: 16 entries of 32 bytes. Each says how many
// requests of a key one holder has in flight, and when it last said so. A holder is a limit in one
// worker's VM, and writes its own entries alone. An entry without requests, or of which nothing was
// heard for longer than the lease, is free: its VM has trapped, or is gone.

const ENTRIES: i32 = 16;
const ENTRY_SIZE: i32 = 32;
export const BUCKET_SIZE: i32 = ENTRIES * ENTRY_SIZE;

const HOLDER: usize = 8;
const SEEN: usize = 16;
const COUNT: usize = 24;

const NO_ENTRY: usize = 0;

/** A key's requests in a bucket, as one holder sees them. */
@final
export class InFlight {
  /** Requests of the key that other holders have in flight. */
  others: u64 = 0;
  private entry: usize = 0;

  /**
   * @param holder tells this holder from others
   * @param leaseNs how long an entry counts after it was written
   */
  constructor(
    private readonly holder: u64,
    private readonly leaseNs: u64,
  ) {}

  /**
   * Looks for the key.
   * @param bucket address of `BUCKET_SIZE` bytes
   * @param tag of the key; not 0
   * @param now nanoseconds of the monotonic clock; another worker may have written since
   */
  find(bucket: usize, tag: u64, now: u64): void {
    let own = NO_ENTRY;
    let free = NO_ENTRY;
    this.others = 0;
    for (let entry = bucket, end = bucket + BUCKET_SIZE; entry < end; entry += ENTRY_SIZE) {
      const seen = load<u64>(entry, SEEN);
      const count = load<u32>(entry, COUNT);
      const isMine = load<u64>(entry, HOLDER) == this.holder;
      if (isMine && load<u64>(entry) == tag) own = entry;
      else if (count == 0 || (now > seen && now - seen > this.leaseNs)) {
        if (free == NO_ENTRY) free = entry;
      } else if (load<u64>(entry) == tag) this.others += count;
    }
    this.entry = own != NO_ENTRY ? own : free;
  }

  /** Whether the holder has an entry for the key, or can have one. */
  get hasPlace(): bool {
    return this.entry != NO_ENTRY;
  }

  /** Says how many requests the holder has in flight. Needs a place. */
  put(tag: u64, now: u64, count: u32): void {
    store<u64>(this.entry, tag);
    store<u64>(this.entry, this.holder, HOLDER);
    store<u64>(this.entry, now, SEEN);
    store<u32>(this.entry, count, COUNT);
  }
}
