// When a closed circuit trips. A rule's books are `BOOKS_SIZE` bytes of the circuit's entry.

import { WINDOW_SIZE } from "../window";

/** Bytes that the books of any rule fit into. */
export const BOOKS_SIZE: i32 = WINDOW_SIZE;
/** Bytes of what a rule has learned, which outlives a trip. */
export const LEARNED_SIZE: i32 = 16;

/** What a result has done to the books. */
export enum Tally {
  Unchanged,
  Counted,
  /** The circuit must open. */
  Tripped,
}

/** A rule that decides, from one result after another, when a circuit trips. */
export abstract class Trip {
  /** @param kind tells the books of this rule from those of others; not 0 */
  constructor(readonly kind: u8) {}

  /** Whether a success changes nothing in books at rest, so that it need not be counted. */
  abstract get ignoresSuccessAtRest(): bool;

  /** Whether the books hold something against the upstream. */
  abstract isAtRest(books: usize): bool;

  /**
   * Counts a result.
   * @param books address of `BOOKS_SIZE` bytes, zero at first
   * @param learned address of `LEARNED_SIZE` bytes, zero at first
   * @param now on the monotonic clock, in nanoseconds
   */
  abstract count(books: usize, learned: usize, isFailure: bool, now: u64): Tally;
}

/** Trips after a number of failures without a success between them. */
@final
export class Consecutive extends Trip {
  constructor(private readonly failures: u32) {
    super(1);
  }

  get ignoresSuccessAtRest(): bool {
    return true;
  }

  isAtRest(books: usize): bool {
    return load<u32>(books) == 0;
  }

  count(books: usize, learned: usize, isFailure: bool, now: u64): Tally {
    const before = load<u32>(books);
    if (!isFailure) {
      store<u32>(books, 0);
      return before == 0 ? Tally.Unchanged : Tally.Counted;
    }
    const failures = before + 1;
    store<u32>(books, failures);
    return failures >= this.failures ? Tally.Tripped : Tally.Counted;
  }
}
