// The books of a budget: what its policy has recorded in one value of the shared data, which all
// workers change. An object is a place to work on them without the host: `load` them, make one of
// the changes, and write `bytes` back if the change says so.

import { Bytes } from "../../assembly";

/**
 * How long the promise of a retry lasts that the router has not made yet: until the end of the
 * lapse after the promise's own, so one to two times this long. The router's pause before a retry
 * is at most 250 ms, unless a route says otherwise. If the router makes no retry, the promise is
 * lost to others no longer than this.
 */
export const LAPSE_NS: u64 = 300_000_000;

/** Used as a lapse: nothing was promised. */
export const NO_PROMISE: u64 = u64.MAX_VALUE;

/** What both policies can do. A change that returns false has changed nothing. */
export abstract class Books {
  /** The changed books, to be stored in place of those that were loaded. */
  readonly bytes: Bytes = new Bytes(0, 0);
  /** The number of the window's current step: the time at which `first` granted retries. */
  step: u64 = 0;
  /** The number of the current lapse: the time at which `promise` promised a retry. */
  lapse: u64 = 0;
  /**
   * Requests that a counter beside the books has counted so far. Set it before `load`, and read it
   * after the books, so that it is never behind them. 0 without such a counter.
   */
  counted: u64 = 0;
  /** Whether the last `load` began a step that the loaded books did not have yet. */
  hasOpened: bool = false;

  /**
   * Chooses whose books are loaded next: the caller's number, from 0 to the maximum that the
   * constructor got.
   */
  abstract select(caller: i32): void;

  /**
   * Takes the stored books, and brings them to the time `now` of the monotonic clock. Anything that
   * is not a book of this kind counts as none.
   */
  abstract load(kept: Bytes | null, now: u64): void;

  /** The number of the window's step at that time; 0 if the policy has no window. */
  abstract stepAt(now: u64): u64;

  /** Tells the books that the last change was stored. */
  abstract commit(): void;

  /** How many more retries are allowed now. */
  abstract remaining(): u64;

  /** A request begins, and wants up to `wanted` retries. Returns how many it may make. */
  abstract first(wanted: u32): u32;

  /** A retry begins, whether it was promised in that lapse or not. */
  abstract retry(lapse: u64): bool;

  /**
   * Promises a retry to an attempt that is about to end; `isRetry` says whether the attempt is one.
   */
  abstract promise(isRetry: bool): bool;

  /**
   * The retry promised in that lapse is made, or will not be made; false if the promise has
   * expired.
   */
  abstract redeem(lapse: u64): bool;

  /** This many of the retries that `first` granted in that step will not be made. */
  abstract settle(step: u64, unused: u32): void;

  /** A request or attempt is over, and with it that many retries. */
  abstract end(retries: u32): void;

  /**
   * The first caller, from that number on, for whom this VM has active requests, or `NO_CALLER`.
   * The books forget a VM when they hear nothing from it for long.
   */
  abstract nextBusy(from: i32): i32;

  /** Active requests; 0 if the policy does not know. */
  abstract activeRequests(): u64;
  abstract activeRetries(): u64;
}
