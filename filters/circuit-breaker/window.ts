// Two numbers of a sliding window, in ten steps: requests, and some of these.

const STEPS: u64 = 10;
const STEP_SIZE: usize = 8;
const SECOND: usize = 4;
const NEWEST: usize = <usize>STEPS * STEP_SIZE;
/** Bytes of a window, zero at first. */
export const WINDOW_SIZE: i32 = <i32>NEWEST + 8;

@final
export class SlidingWindow {
  /** What `sum` has found. */
  first: u64 = 0;
  second: u64 = 0;
  /** Nanoseconds of a step. */
  readonly step: u64;

  /** @param length in nanoseconds */
  constructor(length: u64) {
    this.step = max<u64>(1, length / STEPS);
  }

  /** Adds to both numbers of the step at `now`. */
  add(window: usize, now: u64, first: u32, second: u32): void {
    const place = window + <usize>(this.advance(window, now / this.step) % STEPS) * STEP_SIZE;
    store<u32>(place, load<u32>(place) + first);
    store<u32>(place, load<u32>(place, SECOND) + second, SECOND);
  }

  /** Adds up the steps of the window that ended last. */
  sum(window: usize): void {
    this.first = 0;
    this.second = 0;
    for (let i: u64 = 0; i < STEPS; i++) {
      this.first += load<u32>(window + <usize>i * STEP_SIZE);
      this.second += load<u32>(window + <usize>i * STEP_SIZE, SECOND);
    }
  }

  /** Empties the steps that have left the window; returns the step in which to count. */
  private advance(window: usize, step: u64): u64 {
    const newest = load<u64>(window, NEWEST);
    // Another worker read its clock a moment later, and was faster.
    if (step <= newest && newest - step < STEPS) return newest;
    const passed = step > newest ? min<u64>(step - newest, STEPS) : STEPS;
    for (let i: u64 = 0; i < passed; i++) {
      store<u64>(window + <usize>((step - i) % STEPS) * STEP_SIZE, 0);
    }
    store<u64>(window, step, NEWEST);
    return step;
  }
}
