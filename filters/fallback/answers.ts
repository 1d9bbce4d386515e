// The answers of one rule, in shared data. A directory says which key has which place; it is
// changed by compare-and-set alone. The answer at a place is one value with its whole key, set as a
// whole. So a place whose answer was overwritten meanwhile has none for the key that is asked for.

import { Bytes, SharedData, Status, sharedKey } from "../../assembly";
import { SharedTable, TableKey, tagOf } from "../../assembly/rules";
import { ANSWER_LAYOUT, Answer } from "./answer";
import { BUCKET_SIZE, findPlace, keptAt, lease, NO_PLACE, PLACES_PER_BUCKET, placeFor, take } from "./bucket";

/** Layout of the directory: raise it with any change of what `bucket.ts` writes. */
const DIRECTORY_LAYOUT: u32 = 1;
/** Each attempt fails only because another worker's has succeeded. */
const ATTEMPTS: i32 = 20;

/** What became of an answer that was to be kept. */
export enum KeepOutcome {
  Kept,
  TooLarge,
  /** The response, or the rule's list of statuses, does not allow it. */
  Forbidden,
  /** It broke off, or ended in trailers. */
  Broken,
  /** Others are asked for more often. */
  Crowded,
  /** Another worker has just kept it. */
  Fresh,
  /** This worker is collecting as many answers as it can. */
  Busy,
  /** A call for a newer answer had no good one. */
  Failed,
  /** Other workers changed the directory in every attempt, or the host refused. */
  Contended,
}

/** In the order of `KeepOutcome`. */
export const KEEP_WORDS: StaticArray<string> = [
  "kept",
  "too-large",
  "forbidden",
  "broken",
  "crowded",
  "fresh",
  "busy",
  "failed",
  "contended",
];

@final
export class Answers {
  private readonly directory: SharedTable;
  private readonly key: TableKey;
  private readonly value: SharedData;
  private readonly answer: Answer = new Answer();
  /** Whether the key of the last `dueAt` has to wait because others are asked for more often. */
  isCrowded: bool = false;

  /**
   * @param names answers under the same names are the same
   * @param count how many at most, rounded up to whole buckets
   * @param maxAgeNs from this age on an answer is of no use
   * @param refreshNs how long a kept answer is not kept anew
   */
  constructor(
    names: StaticArray<Bytes>,
    count: u32,
    private readonly maxAgeNs: u64,
    private readonly refreshNs: u64,
  ) {
    const buckets = (count + PLACES_PER_BUCKET - 1) / PLACES_PER_BUCKET;
    this.directory = new SharedTable(
      "fd",
      sharedKey("fallback", "directory", DIRECTORY_LAYOUT, names),
      buckets,
      BUCKET_SIZE,
    );
    const key = new TableKey("fa", sharedKey("fallback", "answers", ANSWER_LAYOUT, names));
    this.key = key;
    this.value = new SharedData(key.key);
  }

  /**
   * When the answer to that key is to be kept: at `now`, or later. One host call, and one more for
   * a key that must wait.
   */
  dueAt(hash: u64, now: u64): u64 {
    const directory = this.directory;
    directory.open(hash);
    const place = findPlace(directory.bucket, tagOf(hash));
    this.isCrowded = false;
    if (place != NO_PLACE) return max(now, keptAt(directory.bucket, place) + this.refreshNs);
    if (this.placeFor(hash, now) != NO_PLACE) return now;
    // If another worker has changed the bucket, the key is counted the next time.
    directory.close();
    this.isCrowded = true;
    return now + this.refreshNs;
  }

  private placeFor(hash: u64, now: u64): i32 {
    return placeFor(this.directory.bucket, tagOf(hash), now, this.maxAgeNs, this.refreshNs);
  }

  /** Keeps an answer. Three host calls, two more for each attempt that another worker disturbs. */
  keep(hash: u64, now: u64, bytes: Bytes): KeepOutcome {
    const directory = this.directory;
    for (let i = 0; i < ATTEMPTS; i++) {
      directory.open(hash);
      let place = findPlace(directory.bucket, tagOf(hash));
      if (place == NO_PLACE) place = this.placeFor(hash, now);
      if (place == NO_PLACE) return KeepOutcome.Crowded;
      take(directory.bucket, place, tagOf(hash), now);
      const status = directory.close();
      if (status == Status.Ok) return this.set(place, bytes);
      if (status != Status.CasMismatch) break;
    }
    return KeepOutcome.Contended;
  }

  private set(place: i32, bytes: Bytes): KeepOutcome {
    this.select(place);
    return this.value.set(bytes) == Status.Ok ? KeepOutcome.Kept : KeepOutcome.Contended;
  }

  /** The answer to that key, or `null`. Valid until the callback ends. Two host calls at most. */
  find(hash: u64, key: Bytes): Answer | null {
    const directory = this.directory;
    directory.open(hash);
    const place = findPlace(directory.bucket, tagOf(hash));
    if (place == NO_PLACE) return null;
    this.select(place);
    const bytes = this.value.get();
    return bytes && this.answer.read(bytes, key) ? this.answer : null;
  }

  /**
   * Whether this worker may ask for a newer answer to that key: one at a time may, over all
   * workers, until the lease ends or an answer is kept. Two host calls at most.
   */
  lease(hash: u64, now: u64, ms: u64): bool {
    const directory = this.directory;
    directory.open(hash);
    const place = findPlace(directory.bucket, tagOf(hash));
    if (place == NO_PLACE || !lease(directory.bucket, place, now, ms)) return false;
    return directory.close() == Status.Ok;
  }

  private select(place: i32): void {
    this.key.select(this.directory.index * PLACES_PER_BUCKET + place);
  }
}
