// Random numbers that can be repeated: the same seed gives the same numbers.

/**
 * SplitMix64. Fit for tests, samples and jitter, not for secrets. Source:
 * https://prng.di.unimi.it/splitmix64.c
 */
@final
export class Random {
  constructor(private state: u64) {}

  /** The next number; each of its 64 bits is as likely 0 as 1. */
  next(): u64 {
    this.state += 0x9e3779b97f4a7c15;
    let mixed = this.state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  /**
   * A random number in [0, bound). All numbers are equally likely, to within bound / 2^64. `bound`
   * must not be 0.
   */
  below(bound: u32): u32 {
    return <u32>(this.next() % bound);
  }

  /** A number in [0, 1), a multiple of 2^-53. */
  fraction(): f64 {
    return <f64>(this.next() >> 11) * (1.0 / 9007199254740992.0);
  }
}
