// The result of a rule: a destination, or a share for each of several. Pure: it reaches the host
// only through the request view.

import { Bytes, Reply, TextBuffer } from "../../assembly";
import { BUCKETS, BytesTable, bucketOf, RequestView, StickyKey } from "../../assembly/rules";
import { Actions } from "./actions/actions";
import { Redirect } from "./actions/redirect";
import { SplitCookie } from "./cookie/split-cookie";

const NOTHING = Bytes.owned(0);

/** A destination that a rule can choose, or its answer, and the counter of that. */
@final
export class Target {
  /** Id of the counter for this rule and destination; set once the configuration is accepted. */
  counter: u32 = 0;
  /** What `explainProperty` gets; set once the configuration is accepted. */
  decision: Bytes = NOTHING;
  /** What else is done to the request; `null` for nothing. */
  actions: Actions | null = null;
  /** What the request gets in place of a destination. At most one of these. */
  redirect: Redirect | null = null;
  answer: Reply | null = null;

  constructor(
    readonly rule: string,
    /** Or, where there is none, `(redirect)` or `(answer)`. */
    readonly destination: Bytes,
    /** The rule only counts what it would choose. */
    readonly isShadow: bool = false,
  ) {}
}

/**
 * The buckets of a split in which a weight would get none of `BUCKETS`. They are so many that the
 * smallest of 64 weights, 1 beside 63 of a million, gets at least 31, however the others are
 * rounded.
 */
export const FINE_BUCKETS: u32 = 4_000_000_000;

/** Distributes requests over several targets. */
@final
export class Split {
  /** What makes the split sticky, if anything does. */
  key: StickyKey | null = null;
  /** What makes it sticky for requests without the key. */
  cookie: SplitCookie | null = null;
  salt: u64 = 0;
  pinnedKeys: BytesTable | null = null;
  /** The target of each pinned key, by the key's number in `pinnedKeys`. */
  pinnedTargets: StaticArray<Target> = [];

  /** How many buckets there are. */
  private readonly buckets: u32;
  private ends: Array<u32> = [];
  private owners: Array<Target> = [];

  constructor(
    /** Each target once: the base first, last the targets that only pins name. */
    readonly targets: Array<Target>,
    weights: StaticArray<u64>,
  ) {
    this.buckets = bucketsFor(weights);
    for (let at: Segment | null = shareBuckets(weights, this.buckets); at; at = at.next) {
      this.ends.push(at.end);
      this.owners.push(targets[at.owner]);
    }
  }

  /**
   * The target for this request. `setCookie` gets the value of that header, if the response is to
   * set a cookie; without it none is set.
   */
  choose(request: RequestView, setCookie: TextBuffer | null): Target {
    const key = this.key;
    const value = key ? key.of(request) : null;
    if (!value) return this.withoutKey(request, setCookie);
    const pins = this.pinnedKeys;
    if (pins) {
      const pin = pins.find(value);
      if (pin >= 0) return unchecked(this.pinnedTargets[pin]);
    }
    return this.ofKey(value);
  }

  /** By the cookie's visitor if there is one, else by chance. */
  private withoutKey(request: RequestView, setCookie: TextBuffer | null): Target {
    const cookie = this.cookie;
    const id = cookie ? cookie.idOf(request, setCookie) : null;
    return id ? this.ofKey(id) : this.ownerOf(request.draw(this.buckets));
  }

  /** The target of a key that is not pinned. */
  ofKey(key: Bytes): Target {
    return this.ownerOf(bucketOf(this.salt, key, this.buckets));
  }

  /** The target that owns a bucket. */
  private ownerOf(bucket: u32): Target {
    let i = 0;
    while (unchecked(this.ends[i]) <= bucket) i++;
    return unchecked(this.owners[i]);
  }
}

/** Neighbouring buckets of one owner: from the end of the previous segment up to `end`. */
@final
export class Segment {
  constructor(
    public end: u32,
    /** A target, by its index. */
    public owner: i32,
    public next: Segment | null,
  ) {}
}

/** Owner of the buckets that no other target has claimed. */
const BASE: i32 = 0;

/**
 * How many buckets a split has: `BUCKETS`, or `FINE_BUCKETS` if one of `BUCKETS` would be more than
 * the smallest weight's share, which would then never get a request.
 */
export function bucketsFor(weights: StaticArray<u64>): u32 {
  const shares = sharesOf(weights, BUCKETS);
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] > 0 && shares[i] == 0) return FINE_BUCKETS;
  }
  return BUCKETS;
}

/**
 * The owner of each of that many buckets, a multiple of `BUCKETS`, as segments in order; `weights`
 * are by target, and their sum must be above 0.
 *
 * The first target is the base. Every other one takes its share of free buckets upwards from an
 * anchor of its own, and the base keeps the rest. So a shift of weight between the base and one
 * other target moves keys only between these two, as long as no target grows past the next one's
 * anchor; with two targets it never does. (With three or more no layout can keep that promise for
 * every change of weights.)
 */
export function shareBuckets(weights: StaticArray<u64>, buckets: u32): Segment {
  const first = new Segment(buckets, BASE, null);
  const shares = sharesOf(weights, buckets);
  const scale = buckets / BUCKETS;
  for (let i = 1; i < weights.length; i++) claim(first, i, anchorOf(i) * scale, shares[i]);
  return first;
}

/** How many buckets each target has. */
function sharesOf(weights: StaticArray<u64>, buckets: u32): StaticArray<u32> {
  const shares = new StaticArray<u32>(weights.length);
  let sum: u64 = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i];
  let left = buckets;
  const last = weights[BASE] == 0 ? lastWeighted(weights) : BASE;
  for (let i = 1; i < weights.length; i++) {
    let share = <u32>((weights[i] * buckets + sum / 2) / sum);
    if (share > left || i == last) share = left;
    left -= share;
    shares[i] = share;
  }
  shares[BASE] = left;
  return shares;
}

/** The last target with a weight: if the base has none, it takes what rounding left. */
function lastWeighted(weights: StaticArray<u64>): i32 {
  let last = 0;
  for (let i = 1; i < weights.length; i++) {
    if (weights[i] > 0) last = i;
  }
  return last;
}

/**
 * Gives `owner` the first `share` free buckets from its anchor on, and continues at 0 after the
 * last bucket. There must be enough free buckets.
 */
function claim(first: Segment, owner: i32, anchor: u32, share: u32): void {
  let left = share;
  for (let from = anchor; left > 0; from = 0) {
    let start: u32 = 0;
    for (let at: Segment | null = first; at && left > 0; at = at.next) {
      if (at.owner == BASE && at.end > from) left -= carve(at, start, max(start, from), owner, left);
      start = at.end;
    }
  }
}

/**
 * Gives `owner` up to `share` buckets, from `from` on, of a free segment that begins at `start`.
 * Returns how many.
 */
function carve(segment: Segment, start: u32, from: u32, owner: i32, share: u32): u32 {
  const to = from + min(segment.end - from, share);
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
 * Where a target's buckets begin: 0, 1/2, 1/4, 3/4, 1/8, … of `BUCKETS`. It depends only on the
 * target's place, so a target added at the end moves no anchor. This is the van der Corput sequence
 * in base 2.
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
