// A circuit that trips on evidence, of a tolerated share that is given or learned.

import { Tally, Trip } from "./trip";

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
  /** The evidence that trips the circuit. */
  readonly threshold: f64;

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

  count(books: usize, learned: usize, isFailure: bool, now: u64): Tally {
    return addEvidence(books, isFailure ? this.failure : this.success, this.threshold);
  }
}

/** Adds what a result says; only a failure, which is positive, can trip. */
function addEvidence(books: usize, weight: f64, threshold: f64): Tally {
  const before = evidenceOf(books);
  const evidence = max<f64>(0, before + weight);
  store<f64>(books, evidence);
  if (weight > 0 && evidence >= threshold) return Tally.Tripped;
  return evidence == before ? Tally.Unchanged : Tally.Counted;
}

/** Anything else than a positive number, of another release perhaps, is no evidence. */
function evidenceOf(books: usize): f64 {
  const stored = load<f64>(books);
  return stored > 0 ? stored : 0;
}

/** The chance that the share that is learned is too low while the true one did not change. */
const DOUBT: f64 = Math.log(1000);
/** How many quiet requests are remembered: half to all of these. */
const MEMORY: f32 = 4000;
/** After so many more the share is computed anew. */
const PACE: f32 = 50;
/** No run of results is longer: then a number does not grow any more. */
const MOST: f32 = 16_777_216;

// Beside the evidence, the books have the results since it was last 0.
const PENDING: usize = 8;
const PENDING_FAILURES: usize = 12;

const REQUESTS: usize = 0;
const FAILURES: usize = 4;
const TOLERATED: usize = 8;

/**
 * Evidence whose tolerated share is learned: an upper bound of the failures' share in the quiet
 * past. The share that judges a result was known before it came. So the proof above holds as it is:
 * the bound on false trips is true for every upstream whose requests fail with a probability of at
 * most the share that is tolerated at that moment.
 *
 * Results teach once the evidence that they made is gone again, so what trips a circuit is not
 * learned. The bound is that of Chernoff: of n requests with f failures it is the largest
 * share u for which n kl(f/n, u) is at most ln 1000, where kl is the divergence of two coins.
 */
@final
export class LearnedEvidence extends Trip {
  private readonly threshold: f64;

  /**
   * @param atLeast share that is tolerated in any case, in (0, atMost]
   * @param atMost share that is never exceeded, whatever the past was, in [atLeast, bad)
   * @param bad share of an upstream that must be cut off soon, below 1
   * @param requestsPerFalseTrip above 1
   */
  constructor(
    private readonly atLeast: f64,
    private readonly atMost: f64,
    private readonly bad: f64,
    requestsPerFalseTrip: f64,
  ) {
    super(4);
    this.threshold = Math.log(requestsPerFalseTrip);
  }

  get ignoresSuccessAtRest(): bool {
    return false;
  }

  isAtRest(books: usize): bool {
    return !(load<f64>(books) > 0);
  }

  count(books: usize, learned: usize, isFailure: bool, now: u64): Tally {
    const tolerated = this.toleratedOf(learned);
    const bad = this.bad;
    const ratio = isFailure ? bad / tolerated : (1 - bad) / (1 - tolerated);
    const tally = addEvidence(books, Math.log(ratio), this.threshold);
    if (tally == Tally.Tripped) return tally;
    const requests = numberAt(books, PENDING) + 1;
    const failures = numberAt(books, PENDING_FAILURES) + (isFailure ? 1 : 0);
    const isQuiet = this.isAtRest(books);
    if (isQuiet) this.learn(learned, requests, min(failures, requests));
    store<f32>(books, isQuiet ? 0 : requests, PENDING);
    store<f32>(books, isQuiet ? 0 : failures, PENDING_FAILURES);
    return Tally.Counted;
  }

  /** The share that is tolerated now. */
  toleratedOf(learned: usize): f64 {
    const share = load<f64>(learned, TOLERATED);
    return share >= this.atLeast && share <= this.atMost ? share : this.atMost;
  }

  private learn(learned: usize, requests: f32, failures: f32): void {
    const before = numberAt(learned, REQUESTS);
    let all = before + requests;
    let failed = min(numberAt(learned, FAILURES), before) + failures;
    if (Math.floor(all / PACE) != Math.floor(before / PACE)) {
      const bound = upperBound(failed / all, DOUBT / all);
      store<f64>(learned, min(max(bound, this.atLeast), this.atMost), TOLERATED);
    }
    for (; all >= MEMORY; all /= 2) failed /= 2;
    store<f32>(learned, all, REQUESTS);
    store<f32>(learned, failed, FAILURES);
  }
}

/** Anything else than a number of requests, of another release perhaps, is none. */
function numberAt(ptr: usize, offset: usize): f32 {
  const stored = load<f32>(ptr + offset);
  return stored > 0 && stored < MOST ? stored : 0;
}

/** The largest share whose divergence from `share` is at most `most`. */
function upperBound(share: f64, most: f64): f64 {
  let low = share;
  let high: f64 = 1;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (divergence(share, middle) > most) high = middle;
    else low = middle;
  }
  return high;
}

function divergence(p: f64, q: f64): f64 {
  return term(p, q) + term(1 - p, 1 - q);
}

function term(p: f64, q: f64): f64 {
  return p > 0 ? p * Math.log(p / q) : 0;
}
