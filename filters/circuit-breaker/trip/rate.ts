// A circuit that trips on a share of the requests of a sliding window.

import { SlidingWindow } from "../window";
import { Tally, Trip } from "./trip";

/** Trips when a share of the requests of a sliding window has failed. */
@final
export class Rate extends Trip {
  private readonly window: SlidingWindow;

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
    this.window = new SlidingWindow(window);
  }

  get ignoresSuccessAtRest(): bool {
    return false;
  }

  isAtRest(books: usize): bool {
    return true;
  }

  count(books: usize, learned: usize, isFailure: bool, now: u64): Tally {
    const window = this.window;
    window.add(books, now, 1, isFailure ? 1 : 0);
    if (!isFailure) return Tally.Counted;
    window.sum(books);
    const isOver = window.first >= this.least && window.second * 10_000 >= window.first * this.buckets;
    return isOver ? Tally.Tripped : Tally.Counted;
  }
}
