// What this VM has written last to the buckets of a shared table. The next change of such a bucket
// needs no read, which costs as much as seven other host calls: the host refuses the change if
// another VM has written since.
//
// The host does not say which number a written value has got. A VM that alone writes shared data
// counts along. Once that was wrong, writes learn their number beforehand, for a while, where the
// bucket is likely to come again. A bucket that others change is left alone for longer and longer.

import { learnNumber } from "../host/shared-data";
import { Bytes } from "../text/bytes";

const PLACES: u64 = 64;
/** The number of a bucket that is not kept. */
const UNKNOWN: u32 = 0;
/** How many writes learn their numbers, once to count along was wrong: more each time. */
const FIRST_SPAN: u32 = 16;
const LONGEST_SPAN: u32 = 4096;
const LONGEST_PAUSE: u32 = 63;

/** How many writes are still to learn their numbers, in all tables of the VM. */
let learning: u32 = 0;
/** How many will, when to count along is wrong again. */
let span: u32 = FIRST_SPAN;

/** One place for each bucket of the latest. */
@final
export class WrittenBuckets {
  private readonly bytes: Bytes;
  /** The index of the bucket that each place saw last, plus 1. */
  private readonly owners: StaticArray<u32> = new StaticArray<u32>(<i32>PLACES);
  private readonly numbers: StaticArray<u32> = new StaticArray<u32>(<i32>PLACES);
  private readonly learned: StaticArray<bool> = new StaticArray<bool>(<i32>PLACES);
  /** How many writes a bucket that others change is left alone, and how many of them remain. */
  private readonly pauses: StaticArray<u32> = new StaticArray<u32>(<i32>PLACES);
  private readonly rests: StaticArray<u32> = new StaticArray<u32>(<i32>PLACES);
  private place: i32 = 0;
  /** Whether the open bucket is worth keeping. */
  private isWorthIt: bool = false;
  /** Whether it was kept, and had learned its number. */
  private wasKept: bool = false;
  private hadLearned: bool = false;

  /**
   * @param size bytes of a bucket
   * @param returns whether a bucket that is written once is soon written again
   */
  constructor(
    private readonly size: i32,
    private readonly returns: bool,
  ) {
    this.bytes = Bytes.owned(<i32>PLACES * size);
  }

  /** The address of what `take` has found, and where `keep` puts it. */
  get bucket(): usize {
    return this.bytes.ptr + <usize>(this.place * this.size);
  }

  /**
   * Opens the place of a bucket, and takes out what was kept there.
   * @returns the host's number for it; 0 if nothing was kept
   */
  take(index: u64): u32 {
    const place = <i32>(index % PLACES);
    this.place = place;
    const isKnown = unchecked(this.owners[place]) == <u32>index + 1;
    if (!isKnown) this.clear(place, <u32>index + 1);
    const number = unchecked(this.numbers[place]);
    unchecked((this.numbers[place] = UNKNOWN));
    this.isWorthIt = isKnown || this.returns || learning == 0;
    this.wasKept = number != UNKNOWN;
    this.hadLearned = unchecked(this.learned[place]);
    return number;
  }

  private clear(place: i32, owner: u32): void {
    unchecked((this.owners[place] = owner));
    unchecked((this.numbers[place] = UNKNOWN));
    unchecked((this.pauses[place] = 0));
    unchecked((this.rests[place] = 0));
  }

  /** The open bucket will be written. Two host calls at most. */
  prepare(): void {
    const place = this.place;
    const rest = unchecked(this.rests[place]);
    if (rest > 0) {
      unchecked((this.rests[place] = rest - 1));
      this.isWorthIt = false;
    }
    const learns = learning > 0 && this.isWorthIt;
    unchecked((this.learned[place] = learns));
    if (!learns) return;
    learning--;
    learnNumber();
  }

  /** The open bucket was written, and has that number. */
  keep(bucket: usize, number: u32): void {
    if (!this.isWorthIt) return;
    const place = this.place;
    unchecked((this.numbers[place] = number));
    if (this.wasKept) unchecked((this.pauses[place] >>= 1));
    if (this.wasKept && !this.hadLearned) span = max(FIRST_SPAN, span >> 1);
    if (bucket != this.bucket) memory.copy(this.bucket, bucket, this.size);
  }

  /** The host has refused to write the open bucket: another VM has written it, or anything else. */
  lose(): void {
    if (!this.wasKept) return;
    if (!this.hadLearned) {
      learning = span;
      span = min(LONGEST_SPAN, 4 * span);
      return;
    }
    const place = this.place;
    const pause = min(LONGEST_PAUSE, 2 * unchecked(this.pauses[place]) + 1);
    unchecked((this.pauses[place] = pause));
    unchecked((this.rests[place] = pause));
  }
}
