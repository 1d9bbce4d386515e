// The hosts of one cluster, and which of them is much slower than the others. It works on the bytes
// of one value, and makes no host call. The caller stores the value by compare-and-set, so all
// workers judge by the same.
//
// Each host has its latest latencies. The one that a tenth of them exceeds is compared with the
// same of the other hosts: a response is slow if it took several times as long as that of the
// median of the others. So half of the hosts can be slow.
//
// A slow response counts against its host only if the latest responses of most others were not as
// slow, and one of these came since the last response that counted. So it is compared with others
// of the same moment, and a service that becomes slow as a whole has no slow host.

import { Bytes } from "../../../assembly";
import { Evidence } from "../trip/evidence";
import { BUCKETS, latencyBucket, latencyOf } from "./latency";

// A host: its tag, when it answered last, what is held against it, and when a response last
// counted.
const SEEN: usize = 8;
const EVIDENCE: usize = 16;
const COUNTED: usize = 24;
/** How many latencies there are, where the next goes, and the one that a tenth exceeds. */
const COUNT: usize = 32;
const NEXT: usize = 33;
const HIGH: usize = 34;
const LATENCIES: usize = 40;
const WINDOW: i32 = 32;
const HOST_SIZE: i32 = <i32>LATENCIES + WINDOW;
/** Hosts of one cluster that are compared. */
const MAX_HOSTS: i32 = 256;
/** So many hosts more at once. */
const GROWTH: i32 = 8;

/** The host is compared, and others with it, once it has so many latencies. */
const ENOUGH: i32 = 10;
/** One in so many latencies is above the high one. */
const RARE: i32 = 10;
/**
 * After so many nanoseconds without a response a host is forgotten: twice Envoy's longest ejection.
 */
const FORGOTTEN: u64 = 600_000_000_000;

/** Of a cluster whose hosts have too few latencies. */
const NOTHING_TO_COMPARE: i32 = -1;
/** There are as many hosts as can be compared. */
const NO_ROOM: usize = 0;

/** What a response says of its host. */
export enum HostVerdict {
  Usual,
  /** It is slow, and there is too little evidence against the host. */
  Slow,
  /** It is slow, and its host is an outlier. */
  Marked,
}

/** When a response is slow, and how much evidence makes an outlier. */
@final
export class HostPolicy {
  constructor(
    /** Times the high latency of the others' median. */
    readonly times: u64,
    /** Nothing that takes fewer nanoseconds is slow. */
    readonly slow: u64,
    readonly evidence: Evidence,
  ) {}
}

/** The hosts of one value: `open` it, `judge` responses, then store `value`. */
@final
export class Peers {
  readonly value: Bytes = new Bytes(0, 0);
  /** Where a value grows. */
  private readonly room: Bytes = Bytes.owned(MAX_HOSTS * HOST_SIZE);
  /** How many of the other hosts have each high latency, while they are compared. */
  private readonly counts: StaticArray<u16> = new StaticArray<u16>(BUCKETS);

  constructor(private readonly policy: HostPolicy) {}

  /** @param stored what was stored, which is changed in place; `null` at first */
  open(stored: Bytes | null): void {
    if (stored && this.isWhole(stored.size)) {
      this.value.ptr = stored.ptr;
      this.value.size = stored.size;
      return;
    }
    this.value.ptr = this.room.ptr;
    this.value.size = 0;
  }

  private isWhole(size: i32): bool {
    return size <= this.room.size && size % HOST_SIZE == 0;
  }

  /**
   * Takes a response of that host.
   * @param tag of the host, not 0
   * @param latency in nanoseconds, until the response began or the wait for it ended
   * @param isAnswer false if there was none. Then only a slow one counts
   */
  judge(tag: u64, latency: u64, now: u64, isAnswer: bool): HostVerdict {
    const host = this.find(tag, now);
    if (host == NO_ROOM) return HostVerdict.Usual;
    const high = this.highOfOthers(host, now);
    const limit = high == NOTHING_TO_COMPARE ? u64.MAX_VALUE : this.limit(high);
    const isSlow = latency > limit;
    if (!isSlow && !isAnswer) return HostVerdict.Usual;
    const evidence = this.policy.evidence;
    if (!isSlow) evidence.count(host + EVIDENCE, 0, false, now);
    else if (this.areOthersFaster(host, limit, now)) {
      evidence.count(host + EVIDENCE, 0, true, now);
      store<u64>(host, now, COUNTED);
    }
    const isOutlier = load<f64>(host, EVIDENCE) >= evidence.threshold;
    // Above the threshold an outlier that recovers would stay one for longer.
    if (isOutlier) store<f64>(host, evidence.threshold, EVIDENCE);
    note(host, latencyBucket(latency));
    store<u64>(host, now, SEEN);
    if (!isSlow) return HostVerdict.Usual;
    return isOutlier ? HostVerdict.Marked : HostVerdict.Slow;
  }

  private limit(high: i32): u64 {
    return max(this.policy.slow, this.policy.times * latencyOf(high));
  }

  private get count(): i32 {
    return this.value.size / HOST_SIZE;
  }

  private hostAt(place: i32): usize {
    return this.value.ptr + place * HOST_SIZE;
  }

  /** The host's address, perhaps a new one; `NO_ROOM` if there are `MAX_HOSTS`. */
  private find(tag: u64, now: u64): usize {
    let free = NO_ROOM;
    const count = this.count;
    for (let i = 0; i < count; i++) {
      const host = this.hostAt(i);
      const isGone = !isKnown(host, now);
      if (load<u64>(host) == tag) {
        if (isGone) clear(host, tag);
        return host;
      }
      if (isGone && free == NO_ROOM) free = host;
    }
    if (free == NO_ROOM) free = this.grow();
    if (free != NO_ROOM) clear(free, tag);
    return free;
  }

  /** The first of some new places, or `NO_ROOM`. */
  private grow(): usize {
    const size = this.value.size;
    const grown = min(this.room.size, size + GROWTH * HOST_SIZE);
    if (grown == size) return NO_ROOM;
    if (this.value.ptr != this.room.ptr) memory.copy(this.room.ptr, this.value.ptr, size);
    memory.fill(this.room.ptr + size, 0, grown - size);
    this.value.ptr = this.room.ptr;
    this.value.size = grown;
    return this.room.ptr + size;
  }

  /** The bucket of the high latency that the median of the other hosts has. */
  private highOfOthers(host: usize, now: u64): i32 {
    const counts = this.counts;
    memory.fill(changetype<usize>(counts), 0, BUCKETS << 1);
    let others = 0;
    const count = this.count;
    for (let i = 0; i < count; i++) {
      const other = this.hostAt(i);
      if (other == host || !isCompared(other, now)) continue;
      const high = min<i32>(load<u8>(other, HIGH), BUCKETS - 1);
      unchecked(counts[high]++);
      others++;
    }
    if (others == 0) return NOTHING_TO_COMPARE;
    let below = others >> 1;
    let bucket = 0;
    while (<i32>unchecked(counts[bucket]) <= below) below -= unchecked(counts[bucket++]);
    return bucket;
  }

  /** Whether the latest response of most others was within the limit, and one of these is new. */
  private areOthersFaster(host: usize, limit: u64, now: u64): bool {
    let balance = 0;
    let isNew = false;
    const counted = load<u64>(host, COUNTED);
    const count = this.count;
    for (let i = 0; i < count; i++) {
      const other = this.hostAt(i);
      if (other == host || !isCompared(other, now)) continue;
      const isFaster = latencyOf(latest(other)) <= limit;
      balance += isFaster ? 1 : -1;
      if (isFaster && load<u64>(other, SEEN) > counted) isNew = true;
    }
    return isNew && balance > 0;
  }
}

function isCompared(host: usize, now: u64): bool {
  return <i32>load<u8>(host, COUNT) >= ENOUGH && isKnown(host, now);
}

function isKnown(host: usize, now: u64): bool {
  if (load<u64>(host) == 0) return false;
  const seen = load<u64>(host, SEEN);
  return now <= seen || now - seen <= FORGOTTEN;
}

/** The bucket of its latest latency. */
function latest(host: usize): i32 {
  const at = (<usize>load<u8>(host, NEXT) + WINDOW - 1) % WINDOW;
  return min<i32>(load<u8>(host + at, LATENCIES), BUCKETS - 1);
}

function clear(host: usize, tag: u64): void {
  memory.fill(host, 0, HOST_SIZE);
  store<u64>(host, tag);
}

/** Adds a latency, and finds anew which one a tenth of them exceeds. */
function note(host: usize, bucket: i32): void {
  const next = <i32>load<u8>(host, NEXT) % WINDOW;
  store<u8>(host + next, <u8>bucket, LATENCIES);
  store<u8>(host, <u8>((next + 1) % WINDOW), NEXT);
  const count = min<i32>(load<u8>(host, COUNT) + 1, WINDOW);
  store<u8>(host, <u8>count, COUNT);
  store<u8>(host, highest(host + LATENCIES, count, count / RARE), HIGH);
}

/** Of so many bytes the highest but for `above` of them. */
function highest(ptr: usize, count: i32, above: i32): u8 {
  let found: u8 = 0xff;
  for (let passed = 0; passed <= above; ) {
    let next: u8 = 0;
    let equal = 0;
    for (let i = 0; i < count; i++) {
      const byte = load<u8>(ptr + i);
      if (passed > 0 && byte >= found) continue;
      if (byte > next) equal = 0;
      if (byte >= next) equal++;
      next = max(next, byte);
    }
    passed += equal;
    found = next;
    if (equal == 0) break;
  }
  return found;
}
