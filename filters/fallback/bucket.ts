// One bucket of a rule's directory: which keys have an answer, and which keys were asked for of
// late. It has places for four answers. Four more records remember keys without one, so that a key
// gets the place of another only once it has been asked for more often.
//
// How often is a score: one for each time that the key was asked for, at most one in each span of
// `refresh`. It halves with each minute without a request. So a client that asks for very many
// paths, each a few times, does not drive out what others ask for again and again.

const PLACES: i32 = 4;
const RECORDS: i32 = 2 * PLACES;
const RECORD_SIZE: i32 = 32;
export const BUCKET_SIZE: i32 = RECORDS * RECORD_SIZE;
/** There is no such place. */
export const NO_PLACE: i32 = -1;
/** Places of all buckets: each bucket has so many. */
export const PLACES_PER_BUCKET: i32 = PLACES;

const HALF_LIFE_NS: u64 = 60_000_000_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
const MAX_SCORE: u32 = 0xffff;

/** A key's record: its tag, when its answer was kept, when it was counted last, its score. */
@unmanaged
class Entry {
  /** 0 marks a free record. */
  tag: u64 = 0;
  /** On the monotonic clock; 0 in records of keys without an answer. */
  keptAt: u64 = 0;
  countedAt: u64 = 0;
  score: u32 = 0;
  /** Milliseconds after `keptAt` until when somebody asks the upstream for a newer answer. */
  lease: u32 = 0;

  /** The score as it is now. */
  scoreAt(now: u64): u32 {
    const idle = now > this.countedAt ? (now - this.countedAt) / HALF_LIFE_NS : 0;
    return idle > 31 ? 0 : this.score >> <u32>idle;
  }

  count(now: u64): void {
    this.score = min(MAX_SCORE, this.scoreAt(now) + 1);
    this.countedAt = now;
  }
}

function entryAt(bucket: usize, index: i32): Entry {
  return changetype<Entry>(bucket + <usize>index * RECORD_SIZE);
}

/** The place of that key's answer, or `NO_PLACE`. */
export function findPlace(bucket: usize, tag: u64): i32 {
  for (let i = 0; i < PLACES; i++) {
    if (entryAt(bucket, i).tag == tag) return i;
  }
  return NO_PLACE;
}

/** When the answer at that place was kept. */
export function keptAt(bucket: usize, place: i32): u64 {
  return entryAt(bucket, place).keptAt;
}

/**
 * The place that a key without one may have: a free one, one whose answer is too old, or one that
 * was asked for less often than this key. Otherwise it is remembered that the key was asked for.
 * @param maxAge the age in nanoseconds from which an answer is of no use
 * @param refresh a key counts at most once in so many nanoseconds
 * @returns `NO_PLACE` if the key must wait; then the bucket has changed
 */
export function placeFor(bucket: usize, tag: u64, now: u64, maxAge: u64, refresh: u64): i32 {
  let least = 0;
  let leastScore = u32.MAX_VALUE;
  for (let i = 0; i < PLACES; i++) {
    const entry = entryAt(bucket, i);
    const isFree = entry.tag == 0 || (now > entry.keptAt && now - entry.keptAt > maxAge);
    if (isFree) return i;
    const score = entry.scoreAt(now);
    if (score > leastScore || (score == leastScore && entry.countedAt >= entryAt(bucket, least).countedAt)) {
      continue;
    }
    least = i;
    leastScore = score;
  }
  return noted(bucket, tag, now, refresh) > leastScore ? least : NO_PLACE;
}

/** Counts a key without an answer; returns its score. */
function noted(bucket: usize, tag: u64, now: u64, refresh: u64): u32 {
  let oldest = entryAt(bucket, PLACES);
  for (let i = PLACES; i < RECORDS; i++) {
    const entry = entryAt(bucket, i);
    if (entry.tag == tag) {
      if (now > entry.countedAt && now - entry.countedAt >= refresh) entry.count(now);
      return entry.scoreAt(now);
    }
    if (isLess(entry, oldest, now)) oldest = entry;
  }
  oldest.tag = tag;
  oldest.keptAt = 0;
  oldest.score = 0;
  oldest.count(now);
  return oldest.score;
}

function isLess(entry: Entry, other: Entry, now: u64): bool {
  const score = entry.tag == 0 ? 0 : entry.scoreAt(now);
  const otherScore = other.tag == 0 ? 0 : other.scoreAt(now);
  return score < otherScore || (score == otherScore && entry.countedAt < other.countedAt);
}

/** Begins a lease of the answer at that place; false while another one lasts. */
export function lease(bucket: usize, place: i32, now: u64, ms: u64): bool {
  const entry = entryAt(bucket, place);
  const since = now > entry.keptAt ? (now - entry.keptAt) / NANOSECONDS_PER_MILLISECOND : 0;
  if (since < <u64>entry.lease) return false;
  entry.lease = <u32>min<u64>(u32.MAX_VALUE, since + ms);
  return true;
}

/** The key's answer is kept now, at that place. The key keeps the score that it has. */
export function take(bucket: usize, place: i32, tag: u64, now: u64): void {
  const entry = entryAt(bucket, place);
  if (entry.tag != tag) {
    entry.score = 0;
    entry.countedAt = now;
    for (let i = PLACES; i < RECORDS; i++) {
      const waiting = entryAt(bucket, i);
      if (waiting.tag != tag) continue;
      entry.score = waiting.score;
      entry.countedAt = waiting.countedAt;
      memory.fill(changetype<usize>(waiting), 0, RECORD_SIZE);
    }
  }
  entry.tag = tag;
  entry.keptAt = now;
  entry.lease = 0;
  entry.count(now);
}
