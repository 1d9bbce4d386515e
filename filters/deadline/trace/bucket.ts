// One bucket of the table of traces: 16 entries of 64 bytes. An entry has the whole id of a trace,
// and four places for deadlines of its requests: each a moment, and how many open requests have it.
// The rule is that no call ever gets more time than the request that it belongs to:
//
// - A call does not say to which request of its trace it belongs, so the earliest moment holds.
// - A place serves until its requests are over or its moment has passed. An entry goes to another
//   trace only when that is so of all its places. A bucket in which none is free remembers no more.
// - Where a trace has more requests than places, a request joins the latest moment before its own,
//   or else moves the earliest one forward to its own.
// - A request that was cut off leaves the moment of its end behind, so that the calls that its
//   service still makes are refused. It does so for `ECHO_NS`.

import { NO_TIMEOUT } from "../../../assembly";

const ENTRIES: i32 = 16;
const PLACES: i32 = 4;
const ID_SIZE: i32 = 16;
const PLACE_SIZE: i32 = 12;
const COUNT: i32 = 8;
const ENTRY_SIZE: i32 = ID_SIZE + PLACES * PLACE_SIZE;
export const BUCKET_SIZE: i32 = ENTRIES * ENTRY_SIZE;

/** How long a trace is remembered as over, after its last deadline has passed. */
export const ECHO_NS: u64 = 60_000_000_000;

/** What `recall` returns if all requests of the trace are over. */
export const OVER: u64 = 0;
/** What `remember` returns if there was no room. */
export const NO_PLACE: i32 = -1;

/**
 * Adds an open request of the trace.
 * @param bucket address of `BUCKET_SIZE` bytes
 * @param moment when its time is over, after `now`
 * @returns the number of its place, for `release`
 */
export function remember(bucket: usize, high: u64, low: u64, moment: u64, now: u64): i32 {
  const known = entryOf(bucket, high, low);
  const entry = known != 0 ? known : freeEntry(bucket, now);
  if (entry == 0) return NO_PLACE;
  if (known == 0) {
    memory.fill(entry, 0, ENTRY_SIZE);
    store<u64>(entry, high);
    store<u64>(entry, low, 8);
  }
  const number = placeFor(entry, moment, now);
  const place = placeAt(entry, number);
  const isOpen = isLive(place, now);
  store<u64>(place, isOpen ? min(load<u64>(place), moment) : moment);
  store<u32>(place, isOpen ? load<u32>(place, COUNT) + 1 : 1, COUNT);
  return number;
}

/**
 * The request is over.
 * @param number of its place
 * @param moment what it was remembered with
 * @param isCut whether it ended without its whole answer
 * @returns whether the bucket has changed
 */
export function release(
  bucket: usize,
  high: u64,
  low: u64,
  number: i32,
  moment: u64,
  now: u64,
  isCut: bool,
): bool {
  const entry = entryOf(bucket, high, low);
  if (entry == 0) return false;
  const place = placeAt(entry, number);
  const count = load<u32>(place, COUNT);
  // A later moment is that of another request, which got the place when this one's had passed.
  if (count == 0 || load<u64>(place) > moment) return false;
  store<u32>(place, count - 1, COUNT);
  if (count == 1) store<u64>(place, isCut ? min(load<u64>(place), now) : 0);
  return true;
}

/**
 * The earliest moment of the trace's open requests; `OVER` if it had some and they are over,
 * `NO_TIMEOUT` if nothing is known.
 */
export function recall(bucket: usize, high: u64, low: u64, now: u64): u64 {
  const entry = entryOf(bucket, high, low);
  if (entry == 0) return NO_TIMEOUT;
  let earliest = NO_TIMEOUT;
  let last: u64 = 0;
  for (let number = 0; number < PLACES; number++) {
    const place = placeAt(entry, number);
    const moment = load<u64>(place);
    if (isLive(place, now)) earliest = min(earliest, moment);
    else last = max(last, moment);
  }
  if (earliest != NO_TIMEOUT) return earliest;
  return last != 0 && now - last <= ECHO_NS ? OVER : NO_TIMEOUT;
}

/**
 * Forgets that requests of the trace were cut off: one without a deadline has begun.
 * @returns whether the bucket has changed
 */
export function revive(bucket: usize, high: u64, low: u64, now: u64): bool {
  const entry = entryOf(bucket, high, low);
  if (entry == 0) return false;
  let hasChanged = false;
  for (let number = 0; number < PLACES; number++) {
    const place = placeAt(entry, number);
    if (isLive(place, now) || load<u64>(place) == 0) continue;
    memory.fill(place, 0, PLACE_SIZE);
    hasChanged = true;
  }
  return hasChanged;
}

function placeAt(entry: usize, number: i32): usize {
  return entry + ID_SIZE + number * PLACE_SIZE;
}

function isLive(place: usize, now: u64): bool {
  return load<u32>(place, COUNT) != 0 && load<u64>(place) > now;
}

/** No trace has an id of zeros, so an entry that was never used is not found. */
function entryOf(bucket: usize, high: u64, low: u64): usize {
  for (let entry = bucket; entry < bucket + BUCKET_SIZE; entry += ENTRY_SIZE) {
    if (load<u64>(entry) == high && load<u64>(entry, 8) == low) return entry;
  }
  return 0;
}

/** The entry without a live place whose last moment is the longest ago; 0 if all have one. */
function freeEntry(bucket: usize, now: u64): usize {
  let free: usize = 0;
  let oldest = u64.MAX_VALUE;
  for (let entry = bucket; entry < bucket + BUCKET_SIZE; entry += ENTRY_SIZE) {
    const last = lastMoment(entry, now);
    if (last >= oldest) continue;
    oldest = last;
    free = entry;
  }
  return free;
}

/** The latest moment of the entry's places, all of which are over; else the latest possible. */
function lastMoment(entry: usize, now: u64): u64 {
  let last: u64 = 0;
  for (let number = 0; number < PLACES; number++) {
    const place = placeAt(entry, number);
    if (isLive(place, now)) return u64.MAX_VALUE;
    last = max(last, load<u64>(place));
  }
  return last;
}

/**
 * The place of that moment, else a free one, else the live one with the latest moment before it,
 * else the one with the earliest moment.
 */
function placeFor(entry: usize, moment: u64, now: u64): i32 {
  let free = NO_PLACE;
  let before = NO_PLACE;
  let earliest = 0;
  for (let number = 0; number < PLACES; number++) {
    const place = placeAt(entry, number);
    const other = load<u64>(place);
    if (!isLive(place, now)) {
      if (free == NO_PLACE || other < load<u64>(placeAt(entry, free))) free = number;
      continue;
    }
    if (other == moment) return number;
    if (other < load<u64>(placeAt(entry, earliest))) earliest = number;
    if (other > moment) continue;
    if (before == NO_PLACE || other > load<u64>(placeAt(entry, before))) before = number;
  }
  if (free != NO_PLACE) return free;
  return before != NO_PLACE ? before : earliest;
}
