// When a closed circuit trips. A rule's books are `BOOKS_SIZE` bytes of the circuit's entry.

/** Bytes that the books of any rule fit into. */
export const BOOKS_SIZE: i32 = 88;

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
   * @param now on the monotonic clock, in nanoseconds
   */
  abstract count(books: usize, isFailure: bool, now: u64): Tally;
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

  count(books: usize, isFailure: bool, now: u64): Tally {
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

/**
 * Trips on evidence that more than the tolerated share fails: a sequential likelihood ratio test of
 * `bad` against `tolerated`, begun anew whenever the evidence falls to zero (Page's CUSUM).
 *
 * Let L be the ratio of one result: bad/tolerated for a failure, (1 - bad)/(1 - tolerated) for a
 * success. While a request fails with a probability of at most `tolerated`, given all that came
 * before, the mean of L is at most 1. So R = (1 + R) L, minus the number of requests, is a
 * supermartingale, and the evidence's exponential never exceeds R. Hence it takes at least A
 * requests in the mean until the evidence reaches ln A, and n requests reach it with a probability
 * of at most n/A. No independence is needed.
 */
@final
export class Evidence extends Trip {
  private readonly failure: f64;
  private readonly success: f64;
  private readonly threshold: f64;

  /**
   * @param tolerated share of requests that may fail, in (0, bad)
   * @param bad share of an upstream that must be cut off soon, in (tolerated, 1)
   * @param requestsPerFalseTrip A, above 1
   */
  constructor(tolerated: f64, bad: f64, requestsPerFalseTrip: f64) {
    super(2);
    this.failure = Math.log(bad / tolerated);
    this.success = Math.log((1 - bad) / (1 - tolerated));
    this.threshold = Math.log(requestsPerFalseTrip);
  }

  get ignoresSuccessAtRest(): bool {
    return true;
  }

  isAtRest(books: usize): bool {
    return !(load<f64>(books) > 0);
  }

  count(books: usize, isFailure: bool, now: u64): Tally {
    const stored = load<f64>(books);
    // Anything else than a positive number, of another release perhaps, is no evidence.
    const before: f64 = stored > 0 ? stored : 0;
    const evidence = max<f64>(0, before + (isFailure ? this.failure : this.success));
    store<f64>(books, evidence);
    if (isFailure && evidence >= this.threshold) return Tally.Tripped;
    return evidence == before ? Tally.Unchanged : Tally.Counted;
  }
}

const STEPS: u64 = 10;
const STEP_SIZE: usize = 8;
const FAILED: usize = 4;
const NEWEST: usize = <usize>STEPS * STEP_SIZE;

/** Trips when a share of the requests of a sliding window has failed. */
@final
export class Rate extends Trip {
  private readonly step: u64;

  /**
   * @param buckets failures in hundredths of a per cent, at least 1
   * @param least requests that the window must have
   * @param window in nanoseconds
   */
  constructor(
    private readonly buckets: u64,
    private readonly least: u64,
    window: u64,
  ) {
    super(3);
    this.step = max<u64>(1, window / STEPS);
  }

  get ignoresSuccessAtRest(): bool {
    return false;
  }

  isAtRest(books: usize): bool {
    return true;
  }

  count(books: usize, isFailure: bool, now: u64): Tally {
    const newest = this.advance(books, now / this.step);
    const place = books + <usize>(newest % STEPS) * STEP_SIZE;
    store<u32>(place, load<u32>(place) + 1);
    if (isFailure) store<u32>(place, load<u32>(place, FAILED) + 1, FAILED);
    return isFailure && this.isOver(books) ? Tally.Tripped : Tally.Counted;
  }

  /** Empties the steps that have left the window; returns the step in which to count. */
  private advance(books: usize, step: u64): u64 {
    const newest = load<u64>(books, NEWEST);
    // Another worker read its clock a moment later, and was faster.
    if (step <= newest && newest - step < STEPS) return newest;
    const passed = step > newest ? min<u64>(step - newest, STEPS) : STEPS;
    for (let i: u64 = 0; i < passed; i++) {
      store<u64>(books + <usize>((step - i) % STEPS) * STEP_SIZE, 0);
    }
    store<u64>(books, step, NEWEST);
    return step;
  }

  private isOver(books: usize): bool {
    let requests: u64 = 0;
    let failed: u64 = 0;
    for (let i: u64 = 0; i < STEPS; i++) {
      requests += load<u32>(books + <usize>i * STEP_SIZE);
      failed += load<u32>(books + <usize>i * STEP_SIZE, FAILED);
    }
    return requests >= this.least && failed * 10_000 >= requests * this.buckets;
  }
}
