// One bucket of the table of keys: 16 entries of 16 bytes. Each has a key's tag and the moment at
// which its limit is full again. An entry whose moment has passed means the same as no entry.
//
// A key that finds no free entry takes the entry with the earliest moment, and its moment too
// (Space-Saving, of Metwally, Agrawal and El Abbadi). So all remaining entries have a later moment.
// When the evicted key comes back, it finds no moment earlier than its own: nobody gets a fresh
// limit by being forgotten.

const ENTRIES: i32 = 16;
const ENTRY_SIZE: i32 = 16;
const MOMENT: i32 = 8;
export const BUCKET_SIZE: i32 = ENTRIES * ENTRY_SIZE;

/** A key's place in a bucket, or the one that it would get. */
@final
export class Place {
  /** The key's moment, or the one that it takes over; never before now. */
  moment: u64 = 0;
  /** Whether the place belongs to another key, whose moment has not passed. */
  evicts: bool = false;
  /** Whether the place is the key's own. */
  isKnown: bool = false;
  /**
   * Whether a moment of the bucket is after the latest possible one, unless the clock was read too
   * early.
   */
  beyond: bool = false;
  private entry: usize = 0;

  /**
   * Looks for the key.
   * @param bucket address of `BUCKET_SIZE` bytes
   * @param tag of the key; not 0
   * @param last the latest possible moment
   */
  find(bucket: usize, tag: u64, now: u64, last: u64): void {
    this.beyond = false;
    this.isKnown = false;
    let earliest = u64.MAX_VALUE;
    for (let entry = bucket, end = bucket + BUCKET_SIZE; entry < end; entry += ENTRY_SIZE) {
      const moment = load<u64>(entry, MOMENT);
      if (moment > last) this.beyond = true;
      if (load<u64>(entry) == tag) {
        this.entry = entry;
        this.moment = max(moment, now);
        this.evicts = false;
        this.isKnown = true;
        return;
      }
      if (moment >= earliest) continue;
      earliest = moment;
      this.entry = entry;
    }
    this.moment = max(earliest, now);
    this.evicts = earliest > now;
  }

  /** Gives the place to the key, with that moment. */
  put(tag: u64, moment: u64): void {
    store<u64>(this.entry, tag);
    store<u64>(this.entry, moment, MOMENT);
    this.moment = moment;
  }
}

/**
 * Lowers moments after the latest possible one to that one. They come from a rule whose settings
 * have changed. Returns whether there were any.
 */
export function mend(bucket: usize, last: u64): bool {
  let mended = false;
  for (let entry = bucket, end = bucket + BUCKET_SIZE; entry < end; entry += ENTRY_SIZE) {
    if (load<u64>(entry, MOMENT) <= last) continue;
    store<u64>(entry, last, MOMENT);
    mended = true;
  }
  return mended;
}
