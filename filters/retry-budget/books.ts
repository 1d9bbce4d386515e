// The books of a budget: what its policy has written down in one value of the shared data, which
// all workers change. An object is a place to work on them without the host: `load`, one of the
// changes, and `bytes` goes back if the change says so.

import { Bytes } from "../../assembly";

/**
 * How long a retry stays promised that the router has not made yet: until the lapse after the
 * promise's own is over, so once to twice this long. The router's pause before a retry is 250 ms at
 * most, unless a route says otherwise; where the router makes none, the promise is lost to others
 * no longer than this.
 */
export const LAPSE_NS: u64 = 300_000_000;

/** In place of a lapse: nothing was promised. */
export const NO_PROMISE: u64 = u64.MAX_VALUE;

/** What both policies can do. Changes that return a bool have changed nothing where it is false. */
export abstract class Books {
  /** To be kept in place of what was loaded. */
  readonly bytes: Bytes = new Bytes(0, 0);
  /**
   * The number of the step of the window that the books are at: of when `first` granted retries.
   */
  step: u64 = 0;
  /** The number of the lapse that the books are at: of when `promise` promised a retry. */
  lapse: u64 = 0;

  /**
   * Chooses whose books are loaded next: the caller's number, 0 to the most that the constructor
   * was told.
   */
  abstract select(caller: i32): void;

  /**
   * Takes the books as they are kept, and brings them to the time `now` of the steady clock. What
   * is no book of this kind counts as none.
   */
  abstract load(kept: Bytes | null, now: u64): void;

  /** The last change was kept. */
  abstract commit(): void;

  /** How many more retries there may be now. */
  abstract remaining(): u64;

  /**
   * A request begins, and with it up to `wanted` retries that it may make. Returns how many it may.
   */
  abstract first(wanted: u32): u32;

  /** A retry begins, promised in that lapse or not. */
  abstract retry(lapse: u64): bool;

  /** Promises a retry to an attempt that is about to end, itself a retry or not. */
  abstract promise(isRetry: bool): bool;

  /**
   * The retry that was promised in that lapse is made, or will not be; false where the promise is
   * over.
   */
  abstract redeem(lapse: u64): bool;

  /** Of what `first` granted in that step, this many retries will not be made. */
  abstract settle(step: u64, unused: u32): void;

  /** A request or attempt is over, and so many retries with it. */
  abstract end(retries: u32): void;

  /**
   * The first caller from that number on for whom this VM has something going on, or `NO_CALLER`:
   * the books forget the VM when they hear nothing for long.
   */
  abstract nextBusy(from: i32): i32;

  /** What goes on now; 0 where the policy does not know. */
  abstract activeRequests(): u64;
  abstract activeRetries(): u64;
}
