// What a rule comes to: a destination, or a share to each of several. Pure: it asks the request view, and the host only through it.

import { RequestView } from "../../assembly/matching/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { BytesTable } from "../../assembly/text/bytes-table";
import { BUCKETS, bucketOf } from "../../assembly/text/hash";

/** What a rule came to: a destination, and the counter of how often. */
@final
export class Target {
  /** Id of the counter for this rule and destination; set once the configuration is accepted. */
  counter: u32 = 0;

  constructor(
    readonly rule: string,
    readonly destination: Bytes,
  ) {}
}

/** Where a split's key comes from. */
export enum KeySource {
  None,
  Header,
  Cookie,
  ClientAddress,
}

/** Shares requests out over several targets. */
@final
export class Split {
  source: KeySource = KeySource.None;
  /** Slot of the header whose value is the key. */
  headerSlot: i32 = 0;
  /** Name of the cookie whose value is the key. */
  cookie: Bytes = new Bytes(0, 0);
  salt: u64 = 0;
  pinnedKeys: BytesTable | null = null;
  /** The target of each pinned key, by its number in `pinnedKeys`. */
  pinnedTargets: StaticArray<Target> = [];

  private ends: Array<u32> = [];
  private owners: Array<Target> = [];

  constructor(
    /** Each target once, the base first, then those that only pins name. */
    readonly targets: Array<Target>,
    weights: StaticArray<u64>,
  ) {
    const buckets = shareBuckets(weights);
    for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
      const isLast = bucket + 1 == BUCKETS;
      if (!isLast && buckets[bucket] == buckets[bucket + 1]) continue;
      this.ends.push(bucket + 1);
      this.owners.push(targets[buckets[bucket]]);
    }
  }

  /** The target for this request. A request without a key gets a random one. */
  choose(request: RequestView): Target {
    const key = this.keyOf(request);
    if (!key || key.size == 0) return this.ownerOf(request.draw(BUCKETS));
    const pins = this.pinnedKeys;
    if (pins) {
      const pin = pins.find(key);
      if (pin >= 0) return unchecked(this.pinnedTargets[pin]);
    }
    return this.ownerOf(bucketOf(this.salt, key));
  }

  /** The target that owns a bucket, 0 to 9,999. */
  ownerOf(bucket: u32): Target {
    let i = 0;
    while (unchecked(this.ends[i]) <= bucket) i++;
    return unchecked(this.owners[i]);
  }

  private keyOf(request: RequestView): Bytes | null {
    switch (this.source) {
      case KeySource.Header:
        return request.header(this.headerSlot);
      case KeySource.Cookie:
        return request.cookie(this.cookie);
      case KeySource.ClientAddress:
        return request.clientAddress();
      default:
        return null;
    }
  }
}

/**
 * Which target owns each bucket, by its index in `weights`, whose sum must be above 0.
 *
 * The first target is the base; every other takes its share of free buckets upwards from an anchor of its own, and the base keeps the rest. So
 * shifting weight between the base and one other target moves keys only between these two, as long as no target grows past the next one's anchor;
 * with two targets it always holds. (For three and more no layout can keep that promise for every change of weights.)
 */
export function shareBuckets(weights: StaticArray<u64>): StaticArray<u8> {
  const owners = new StaticArray<u8>(BUCKETS);
  const taken = new StaticArray<bool>(BUCKETS);
  let sum: u64 = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i];
  let left: u32 = BUCKETS;
  const last = weights[0] == 0 ? lastWeighted(weights) : 0;
  for (let i = 1; i < weights.length; i++) {
    let share = <u32>((weights[i] * BUCKETS + sum / 2) / sum);
    if (share > left || i == last) share = left;
    left -= share;
    claim(owners, taken, <u8>i, share);
  }
  return owners;
}

/** The last target with a weight: without a base it takes what rounding left. */
function lastWeighted(weights: StaticArray<u64>): i32 {
  let last = 0;
  for (let i = 1; i < weights.length; i++) {
    if (weights[i] > 0) last = i;
  }
  return last;
}

function claim(owners: StaticArray<u8>, taken: StaticArray<bool>, owner: u8, share: u32): void {
  let bucket = anchorOf(owner);
  for (let left = share; left > 0; ) {
    if (!taken[bucket]) {
      taken[bucket] = true;
      owners[bucket] = owner;
      left--;
    }
    bucket = (bucket + 1) % BUCKETS;
  }
}

/**
 * Where a target's buckets begin: 0, 1/2, 1/4, 3/4, 1/8, … of all. It depends on the target's place alone, so that adding a target at the end moves
 * no anchor. This is the van der Corput sequence in base 2.
 */
function anchorOf(owner: u8): u32 {
  let place: u32 = owner - 1;
  let anchor: u32 = 0;
  let step = BUCKETS;
  while (place > 0) {
    step /= 2;
    if ((place & 1) == 1) anchor += step;
    place >>= 1;
  }
  return anchor;
}
