// The limit itself: the generic cell rate algorithm. A key's whole state is one moment, the one at
// which its bucket would be full again (ATM calls it the theoretical arrival time). A request moves
// it forward by its cost, and passes if the moment stays within the time that the burst takes to
// refill.
//
// Moments are counted in ticks of 1/16 nanosecond of the monotonic clock. If the time for one
// request is not a whole number of ticks, it is rounded up. So never more than the limit passes,
// and for limits of up to a million in a second less than 0.01 % less.

import { MAX_REFILL_SECONDS } from "../limits";

const TICK_BITS: u64 = 4;
const TICKS_PER_SECOND: u64 = 1_000_000_000 << TICK_BITS;
/** The longest debt. */
const MAX_DEBT: u64 = MAX_REFILL_SECONDS * TICKS_PER_SECOND;

/** The moment in ticks. Works for clocks of up to 36 years. */
export function ticksAt(nanoseconds: u64): u64 {
  return nanoseconds << TICK_BITS;
}

/** Ticks in whole seconds, rounded up. */
export function secondsOf(ticks: u64): u32 {
  return <u32>min<u64>((ticks + TICKS_PER_SECOND - 1) / TICKS_PER_SECOND, u32.MAX_VALUE);
}

/** A limit: a number of requests in a unit, and a number at once after a pause. */
@final
export class Gcra {
  /** Ticks that a full bucket takes to refill. */
  readonly tolerance: u64;
  /** Ticks of a request of cost 1. */
  private readonly interval: u64;
  /** How far after now a moment can be: a whole burst, and a debt of requests that pay later. */
  readonly reach: u64;

  /**
   * @param burst at most `maxBurst`
   * @param debt how much a key may owe beyond its burst; it owes ten years at most
   */
  constructor(
    readonly limit: u32,
    readonly unitSeconds: u32,
    readonly burst: u32,
    debt: u32 = 0,
  ) {
    const interval = (unitSeconds * TICKS_PER_SECOND + limit - 1) / limit;
    this.interval = interval;
    this.tolerance = burst * interval;
    this.reach = this.tolerance + this.debtOf(debt);
  }

  /** How far a request of that cost, at most the burst, moves the moment forward. */
  ticksOf(cost: u32): u64 {
    return cost * this.interval;
  }

  /** The moment after a cost that is due anyhow, even if it leaves a debt. */
  owed(full: u64, now: u64, cost: u32): u64 {
    return min(full + this.debtOf(cost), now + this.reach);
  }

  private debtOf(cost: u32): u64 {
    return cost > MAX_DEBT / this.interval ? MAX_DEBT : this.ticksOf(cost);
  }

  /**
   * Whether a request of that cost passes.
   * @param full when the bucket is full again; not before `now`
   */
  passes(full: u64, now: u64, cost: u32): bool {
    return cost == 0 || (cost <= this.burst && full - now + this.ticksOf(cost) <= this.tolerance);
  }

  /** How many requests of cost 1 would pass now. */
  remaining(full: u64, now: u64): u32 {
    const used = full - now;
    return used < this.tolerance ? <u32>((this.tolerance - used) / this.interval) : 0;
  }

  /** Ticks until a request of that cost, at most the burst, passes, if no other request comes. */
  wait(full: u64, now: u64, cost: u32): u64 {
    const needed = full - now + this.ticksOf(cost);
    return needed > this.tolerance ? needed - this.tolerance : 0;
  }

  /**
   * Ticks until one more request of cost 1 would pass than now, if none comes; 0 if the bucket is
   * full.
   */
  more(full: u64, now: u64): u64 {
    const next = this.remaining(full, now) + 1;
    return next > this.burst ? 0 : this.wait(full, now, next);
  }
}

/** The largest burst that refills within `MAX_REFILL_SECONDS`. */
export function maxBurst(limit: u64, unitSeconds: u64): u64 {
  return (MAX_REFILL_SECONDS / unitSeconds) * limit;
}
