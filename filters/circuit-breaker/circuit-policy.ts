// How a circuit opens and closes, and the chance that it takes.

import { Trip } from "./trip/trip";

const MAX_LEVEL: u8 = 32;

/** Random numbers in [0, 1). */
export abstract class Chance {
  abstract fraction(): f64;
}

/** How a circuit opens and closes. Times are in nanoseconds. */
@final
export class CircuitPolicy {
  constructor(
    readonly trip: Trip,
    readonly sleep: u64,
    readonly maxSleep: u64,
    /** The most by which chance prolongs a sleep, as a share of it. */
    readonly jitter: f64,
    readonly probes: i32,
    readonly lease: u64,
    /** How long a circuit that has closed takes until it lets all requests through; may be 0. */
    readonly ramp: u64,
  ) {}

  /** The sleep at that level, without jitter. */
  sleepAt(level: u8): u64 {
    const doubled = level >= MAX_LEVEL ? this.maxSleep : this.sleep << (<u64>level);
    return min(doubled, this.maxSleep);
  }
}

/** How often a sleep was doubled, after once more. */
export function nextLevel(level: u8): u8 {
  return min<u8>(level + 1, MAX_LEVEL);
}
