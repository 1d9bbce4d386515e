// What this VM last wrote into the buckets of a shared table, so that it can write them again
// without reading them first. To read a bucket is five times as dear as to write it.
//
// The host refuses the write if another VM has written the bucket since. Where that happens often,
// as when several workers share a key, nothing is tried for a while.

import { Bytes } from "../text/bytes";

/** Buckets that are remembered; a power of two. */
const PLACES: u64 = 64;
/** Bytes of a place before those of its bucket: the bucket's number and the host's number. */
const HEAD: i32 = 16;
const NUMBER: usize = 8;
const NONE: u64 = u64.MAX_VALUE;

/** A failure weighs as much as so many successes; a failed write costs about a fifth of a read. */
const FAILURE: i32 = 2;
const MOST_TRUST: i32 = 8;
/** Buckets that are read in the usual way before one is tried again. */
const PAUSE: i32 = 256;

/** The buckets of one table. */
@final
export class RecentBuckets {
  private readonly places: Bytes;
  private readonly placeSize: i32;
  private trust: i32 = MOST_TRUST;
  private pause: i32 = 0;

  /** @param size bytes of a bucket */
  constructor(private readonly size: i32) {
    const placeSize = HEAD + size;
    this.placeSize = placeSize;
    this.places = Bytes.owned(<i32>PLACES * placeSize);
    for (let i: u64 = 0; i < PLACES; i++) store<u64>(this.placeOf(i), NONE);
  }

  /** Whether the bucket is remembered, and worth a try. */
  has(index: u64): bool {
    if (load<u64>(this.placeOf(index)) != index) return false;
    if (this.trust > 0) return true;
    if (--this.pause > 0) return false;
    this.trust = 1;
    return true;
  }

  /**
   * Copies the bytes of a bucket that is remembered.
   * @returns the host's number for them, if they are still there
   */
  copyTo(bucket: usize, index: u64): u32 {
    const place = this.placeOf(index);
    memory.copy(bucket, place + HEAD, this.size);
    return load<u32>(place, NUMBER);
  }

  /** Remembers what was written. */
  keep(index: u64, bucket: usize, number: u32): void {
    const place = this.placeOf(index);
    store<u64>(place, index);
    store<u32>(place, number, NUMBER);
    memory.copy(place + HEAD, bucket, this.size);
  }

  /** A bucket that was copied was the right one. */
  succeeded(): void {
    if (this.trust < MOST_TRUST) this.trust++;
  }

  /** A bucket that was copied was not the right one. */
  failed(index: u64): void {
    store<u64>(this.placeOf(index), NONE);
    this.trust -= FAILURE;
    if (this.trust <= 0) this.pause = PAUSE;
  }

  private placeOf(index: u64): usize {
    return this.places.ptr + <usize>(index & (PLACES - 1)) * this.placeSize;
  }
}
