// What a rule comes to: a destination, or a share to each of several. Pure: it asks the request
// view, and the host only through it.

import { Bytes } from "../../assembly";
import { BUCKETS, BytesTable, bucketOf, RequestView, StickyKey } from "../../assembly/rules";

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

/** Shares requests out over several targets. */
@final
export class Split {
  /** What makes the split sticky, if anything does. */
  key: StickyKey | null = null;
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
    for (let at: Segment | null = shareBuckets(weights); at; at = at.next) {
      this.ends.push(at.end);
      this.owners.push(targets[at.owner]);
    }
  }

  /** The target for this request. A request without a key gets a random one. */
  choose(request: RequestView): Target {
    const key = this.key;
    const value = key ? key.of(request) : null;
    if (!value) return this.ownerOf(request.draw(BUCKETS));
    const pins = this.pinnedKeys;
    if (pins) {
      const pin = pins.find(value);
      if (pin >= 0) return unchecked(this.pinnedTargets[pin]);
    }
    return this.ownerOf(bucketOf(this.salt, value));
  }

  /** The target that owns a bucket, 0 to 9,999. */
  ownerOf(bucket: u32): Target {
    let i = 0;
    while (unchecked(this.ends[i]) <= bucket) i++;
    return unchecked(this.owners[i]);
  }
}

/** Neighbouring buckets of one owner: from where the segment before ends up to `end`. */
@final
export class Segment {
  constructor(
    public end: u32,
    /** A target, by its index. */
    public owner: i32,
    public next: Segment | null,
  ) {}
}

/** Owner of what no other target has claimed. */
const BASE: i32 = 0;

/**
 * Which target owns each bucket, as segments in order; `weights` are by target, their sum must be
 * above 0.
 *
 * The first target is the base; every other takes its share of free buckets upwards from an anchor
 * of its own, and the base keeps the rest. So shifting weight between the base and one other target
 * moves keys only between these two, as long as no target grows past the next one's anchor; with
 * two targets it always holds. (For three and more no layout can keep that promise for every change
 * of weights.)
 */
export function shareBuckets(weights: StaticArray<u64>): Segment {
  const first = new Segment(BUCKETS, BASE, null);
  let sum: u64 = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i];
  let left: u32 = BUCKETS;
  const last = weights[0] == 0 ? lastWeighted(weights) : 0;
  for (let i = 1; i < weights.length; i++) {
    let share = <u32>((weights[i] * BUCKETS + sum / 2) / sum);
    if (share > left || i == last) share = left;
    left -= share;
    claim(first, i, share);
  }
  return first;
}

/** The last target with a weight: without a base it takes what rounding left. */
function lastWeighted(weights: StaticArray<u64>): i32 {
  let last = 0;
  for (let i = 1; i < weights.length; i++) {
    if (weights[i] > 0) last = i;
  }
  return last;
}

/**
 * Gives `owner` the first `share` free buckets from its anchor on, past the last bucket from 0 on.
 * There must be so many.
 */
function claim(first: Segment, owner: i32, share: u32): void {
  let left = share;
  for (let from = anchorOf(owner); left > 0; from = 0) {
    let start: u32 = 0;
    for (let at: Segment | null = first; at && left > 0; at = at.next) {
      if (at.owner == BASE && at.end > from) left -= carve(at, start, max(start, from), owner, left);
      start = at.end;
    }
  }
}

/**
 * Gives `owner` up to `share` buckets of a free segment that begins at `start`, those from `from`
 * on. Returns how many.
 */
function carve(segment: Segment, start: u32, from: u32, owner: i32, share: u32): u32 {
  const to = min(segment.end, from + share);
  if (to < segment.end) segment.next = new Segment(segment.end, BASE, segment.next);
  segment.end = to;
  if (start < from) {
    segment.next = new Segment(to, owner, segment.next);
    segment.end = from;
  } else {
    segment.owner = owner;
  }
  return to - from;
}

/**
 * Where a target's buckets begin: 0, 1/2, 1/4, 3/4, 1/8, … of all. It depends on the target's place
 * alone, so that adding a target at the end moves no anchor. This is the van der Corput sequence in
 * base 2.
 */
function anchorOf(owner: i32): u32 {
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
