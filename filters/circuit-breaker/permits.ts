// The permits of a half-open circuit: one word for each probe, with its lease or its end.

import { MAX_PROBES } from "./limits";

/** Bytes of all permits. They take the place of the books of a closed circuit. */
export const PERMITS_SIZE: i32 = MAX_PROBES * 4;

/** The lowest two bits of a word. The others have the end of the lease, or whether it succeeded. */
enum Kind {
  Free = 0,
  /** Given to a request that has no response yet. */
  Waiting = 1,
  /** Given to a request whose response has begun. */
  Answered = 2,
  Settled = 3,
}

const KIND_BITS: u32 = 2;
const KIND_MASK: u32 = 3;
const UNKNOWN: u32 = Kind.Settled;
const SUCCEEDED: u32 = Kind.Settled | (1 << KIND_BITS);
/** The latest end of a lease that fits a word, in milliseconds from the epoch's begin: 12 days. */
export const LAST_MOMENT_MS: u64 = (1 << 30) - 1;

/** What the permits say together. */
export enum Conclusion {
  /** Some are free, or have not ended. */
  Pending,
  Succeeded,
  /** All have ended, none has failed, and none is known to have succeeded. */
  Unknown,
  /** A lease has expired without a response. */
  Expired,
}

/** Moments are in milliseconds from the epoch's begin. */
@final
export class Permits {
  /** @param probes how many, 1 to `MAX_PROBES` */
  constructor(private readonly probes: i32) {}

  /** Gives a permit out: its number, or -1 if none is free. Each is given out once. */
  issue(words: usize, expiry: u64): i32 {
    for (let i = 0; i < this.probes; i++) {
      if (kindAt(words, i) != Kind.Free) continue;
      set(words, i, ((<u32>min(expiry, LAST_MOMENT_MS)) << KIND_BITS) | Kind.Waiting);
      return i;
    }
    return -1;
  }

  /** Whether that permit is out: it was given to a request that has not ended. */
  isOut(words: usize, permit: i32): bool {
    if (permit >= this.probes) return false;
    const kind = kindAt(words, permit);
    return kind == Kind.Waiting || kind == Kind.Answered;
  }

  answer(words: usize, permit: i32): void {
    set(words, permit, (at(words, permit) & ~KIND_MASK) | Kind.Answered);
  }

  settle(words: usize, permit: i32, succeeded: bool): void {
    set(words, permit, succeeded ? SUCCEEDED : UNKNOWN);
  }

  /**
   * Ends the leases that have expired, and concludes. A response that has begun counts as a success
   * when its lease ends: it may be a stream that lasts for days.
   */
  conclude(words: usize, now: u64): Conclusion {
    let pending = false;
    let succeeded = false;
    for (let i = 0; i < this.probes; i++) {
      const kind = kindAt(words, i);
      const isOver = kind != Kind.Free && kind != Kind.Settled && at(words, i) >> KIND_BITS <= now;
      if (isOver && kind == Kind.Waiting) return Conclusion.Expired;
      if (isOver) this.settle(words, i, true);
      if (kindAt(words, i) != Kind.Settled) pending = true;
      else if (at(words, i) == SUCCEEDED) succeeded = true;
    }
    if (pending) return Conclusion.Pending;
    return succeeded ? Conclusion.Succeeded : Conclusion.Unknown;
  }

  /** When the first lease ends of those that are out; `LAST_MOMENT_MS` if none is. */
  firstExpiry(words: usize): u64 {
    let first = LAST_MOMENT_MS;
    for (let i = 0; i < this.probes; i++) {
      if (this.isOut(words, i)) first = min<u64>(first, at(words, i) >> KIND_BITS);
    }
    return first;
  }
}

function at(words: usize, i: i32): u32 {
  return load<u32>(words + ((<usize>i) << 2));
}

function kindAt(words: usize, i: i32): u32 {
  return at(words, i) & KIND_MASK;
}

function set(words: usize, i: i32, word: u32): void {
  store<u32>(words + ((<usize>i) << 2), word);
}
