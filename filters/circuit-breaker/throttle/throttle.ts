// Client-side throttling, as in Google's "Site Reliability Engineering", chapter 21: of the
// requests of a window, about K times as many go on as the upstream has accepted. It works on the
// bytes of a window, and makes no host call.
//
// A request counts when it comes, whether it goes on or not, and as accepted until it is known to
// have failed. So neither a start with many calls under way nor a call that hangs refuses anything.
// With r requests and a accepts in the window, the next is refused with the probability
// (r - K a) / (r + 1), or never where that is negative. So at a steady a, in the mean
// r (K a + 1) / (r + 1) of them go on, which is less than K a + 1.

import { Chance } from "../circuit-policy";
import { SlidingWindow } from "../window";

@final
export class Throttle {
  private readonly window: SlidingWindow;

  /**
   * @param ratio K, above 1
   * @param length of the window in nanoseconds
   */
  constructor(
    private readonly ratio: f64,
    length: u64,
    private readonly chance: Chance,
  ) {
    this.window = new SlidingWindow(length);
  }

  /** When the numbers are others, in nanoseconds from now. */
  get wait(): u64 {
    return this.window.step;
  }

  /** Counts a request, and says whether it may go on. */
  admits(books: usize, now: u64): bool {
    const window = this.window;
    window.add(books, now, 0, 0);
    const excess = this.excess(books);
    const admits = excess <= 0 || this.chance.fraction() * (<f64>window.first + 1) >= excess;
    window.add(books, now, 1, admits ? 0 : 1);
    return admits;
  }

  /** Counts that a request has failed which went on. */
  fail(books: usize, now: u64): void {
    this.window.add(books, now, 0, 1);
  }

  /** Whether the next request may be refused. */
  isExceeded(books: usize): bool {
    return this.excess(books) > 0;
  }

  /** Requests above K times the accepted ones. */
  private excess(books: usize): f64 {
    const window = this.window;
    window.sum(books);
    // A failure may stay in the window for longer than its request.
    const accepts = window.first > window.second ? window.first - window.second : 0;
    return <f64>window.first - this.ratio * <f64>accepts;
  }
}
