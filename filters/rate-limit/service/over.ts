// The keys that are over the rate limit service's limit, and until when: they are not asked about
// again before that. They are in shared data, so that all workers know what one was told. The
// number of entries is fixed. A key that finds no free one takes the entry that ends first, and the
// service is asked again about the key that it replaced.

import { Bytes, SharedData, SharedUpdater, sharedKey } from "../../../assembly";
import { sharedSeed, sipHash } from "../../../assembly/rules";

/** Layout of a bucket: raise it with any change of an entry, or of how a descriptor is hashed. */
const LAYOUT: u32 = 1;
const BUCKETS: i32 = 1024;
const ENTRIES: i32 = 16;
/**
 * An entry: the key's hash, when it ends in nanoseconds of the monotonic clock, the cost of the
 * refused request, and for how many more seconds the key is over its limit.
 */
const UNTIL: i32 = 8;
const COST: i32 = 16;
const BEYOND: i32 = 20;
const ENTRY_SIZE: i32 = 24;
const ATTEMPTS: u32 = 20;

/** After this long the service is asked again at the latest: its limits may have been raised. */
const LONGEST_NS: u64 = 60_000_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

/** Writes a key that is over its limit into its bucket. */
@final
export class OverEntry extends SharedUpdater {
  hash: u64 = 0;
  until: u64 = 0;
  cost: u32 = 0;
  beyondSeconds: u32 = 0;
  now: u64 = 0;
  private readonly bucket: Bytes = Bytes.owned(ENTRIES * ENTRY_SIZE);

  compute(old: Bytes | null): Bytes | null {
    const bucket = this.bucket;
    if (old && old.size == bucket.size) memory.copy(bucket.ptr, old.ptr, bucket.size);
    else memory.fill(bucket.ptr, 0, bucket.size);
    const entry = bucket.ptr + this.placeIn(bucket) * ENTRY_SIZE;
    // A cheap request may still pass where an expensive one was refused, so the least refused cost
    // counts.
    const known = load<u64>(entry) == this.hash && load<u64>(entry, UNTIL) > this.now;
    const cost = known ? min(load<u32>(entry, COST), this.cost) : this.cost;
    store<u64>(entry, this.hash);
    store<u64>(entry, this.until, UNTIL);
    store<u32>(entry, cost, COST);
    store<u32>(entry, this.beyondSeconds, BEYOND);
    return bucket;
  }

  /** The key's own place, else that of the entry that ends first; an empty one counts as ended. */
  private placeIn(bucket: Bytes): i32 {
    let first = 0;
    for (let i = 0; i < ENTRIES; i++) {
      const entry = bucket.ptr + i * ENTRY_SIZE;
      if (load<u64>(entry) == this.hash) return i;
      if (load<u64>(entry, UNTIL) < load<u64>(bucket.ptr + first * ENTRY_SIZE, UNTIL)) first = i;
    }
    return first;
  }
}

/** What is known about a key that is over its limit. */
@final
export class Over {
  /** For how many nanoseconds the service is not asked about it; 0 if it must be asked. */
  spared: u64 = 0;
  /** How many seconds longer the limit's window lasts after that. */
  beyondSeconds: u32 = 0;

  /**
   * Looks for a request of that key and cost. False, and all fields 0, if nothing is known, or the
   * entry has ended.
   */
  find(bucket: Bytes, hash: u64, cost: u32, now: u64): bool {
    this.spared = 0;
    this.beyondSeconds = 0;
    if (bucket.size != ENTRIES * ENTRY_SIZE) return false;
    for (let i = 0; i < ENTRIES; i++) {
      const entry = bucket.ptr + i * ENTRY_SIZE;
      if (load<u64>(entry) != hash) continue;
      const until = load<u64>(entry, UNTIL);
      if (until <= now || cost < load<u32>(entry, COST)) return false;
      this.spared = until - now;
      this.beyondSeconds = load<u32>(entry, BEYOND);
      return true;
    }
    return false;
  }
}

/**
 * One for a plugin. All plugins of one `vm_id` share the entries; `scope` keeps services and
 * domains apart.
 */
@final
export class OverTable {
  private readonly buckets: StaticArray<SharedData | null> = new StaticArray<SharedData | null>(BUCKETS);
  /** The key of every bucket, except for the bucket's number at its end. */
  private readonly key: Bytes = sharedKey("rate-limit", "over", LAYOUT, [], sizeof<u16>());
  private readonly entry: OverEntry = new OverEntry();
  /** What `has` found. */
  readonly over: Over = new Over();
  private seed: Bytes | null = null;
  private key0: u64 = 0;
  private key1: u64 = 0;

  /**
   * @param scope the service's cluster and its domain: in another scope the same descriptor means
   * something else. Kept
   */
  constructor(private readonly scope: Bytes) {}

  hashOf(descriptor: Bytes): u64 {
    if (!this.seed) this.readSeed();
    return sipHash(this.key0, this.key1, descriptor);
  }

  /**
   * Called with the first request, so that a refused configuration leaves nothing in the shared
   * data.
   */
  private readSeed(): void {
    const seed = sharedSeed();
    this.seed = seed;
    const seed1 = load<u64>(seed.ptr, 8);
    this.key0 = sipHash(load<u64>(seed.ptr), seed1, this.scope);
    this.key1 = seed1;
  }

  /**
   * Whether a request of that cost is known to be over the limit; `over` then says for how long.
   * One host call.
   */
  has(hash: u64, cost: u32, now: u64): bool {
    const bucket = this.bucketOf(hash).get();
    return bucket != null && this.over.find(bucket, hash, cost, now);
  }

  /**
   * Remembers that the service has refused that key a request of that cost. If other workers come
   * between in every attempt, it is not remembered.
   */
  remember(hash: u64, cost: u32, until: u64, now: u64): void {
    if (until <= now) return;
    const entry = this.entry;
    entry.hash = hash;
    entry.until = min(until, now + LONGEST_NS);
    entry.beyondSeconds = <u32>((until - entry.until + NANOSECONDS - 1) / NANOSECONDS);
    entry.cost = cost;
    entry.now = now;
    this.bucketOf(hash).update(entry, ATTEMPTS);
  }

  private bucketOf(hash: u64): SharedData {
    const index = <i32>(hash >> 32) & (BUCKETS - 1);
    const known = unchecked(this.buckets[index]);
    if (known) return known;
    const key = this.key.copy();
    store<u16>(key.ptr + key.size - sizeof<u16>(), <u16>index);
    const bucket = new SharedData(key);
    unchecked((this.buckets[index] = bucket));
    return bucket;
  }
}
